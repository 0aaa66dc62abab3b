// What the double counts, and which calls it is told to fail.
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "control.h"
#include "engine.h"

namespace {

// Compiles a process (C03); ANEMONE_ANE_DOUBLE_COMPILES says otherwise.
int usual_budget() {
  const char* told = std::getenv("ANEMONE_ANE_DOUBLE_COMPILES");
  return told == nullptr ? 119 : std::atoi(told);
}

constexpr std::array kCalls{
    "modelWithMILText:weights:optionsPlist:",
    "inMemoryModelWithDescriptor:",
    "hexStringIdentifier",
    "compileWithQoS:options:error:",
    "loadWithQoS:options:error:",
    "objectWithIOSurface:",
    "requestWithInputs:inputIndices:outputs:outputIndices:weightsBuffer:perfStats:procedureIndex:",
    "evaluateWithQoS:options:request:error:",
    "unloadWithQoS:error:",
    "sharedConnection",
    "beginRealTimeTask",
    "evaluateRealTimeWithModel:options:request:error:",
    "endRealTimeTask",
    "IOSurfaceCreate",
    "IOSurfaceLock"};

struct Failure {
  int after;  // calls to come before it
  double_failure how;
};

struct Books {
  std::mutex mutex;
  std::map<std::string, int, std::less<>> calls;
  std::map<std::string, Failure, std::less<>> failures;
  std::map<const void*, std::string> live;
  int compiles = 0, budget = usual_budget();
  uint64_t statistics = 0;
  bool entitled = false, computing = true;
};

double_failure parse_failure(std::string_view how) {
  if (how == "error") return kWithText;
  if (how == "empty") return kEmptyText;
  if (how == "none") return kNoError;
  if (how == "exception") return kException;
  if (how == "die") return kDeath;
  double_violation("a test asks for a failure \"%.*s\", which there is none of", int(how.size()), how.data());
}

void read_environment(Books& books) {
  const char* told = std::getenv("ANEMONE_ANE_DOUBLE_FAIL");
  if (told == nullptr) return;
  const std::string text = told;
  const size_t first = text.find('='), second = text.rfind('=');
  books.failures[text.substr(0, first)] = {std::atoi(text.c_str() + first + 1), parse_failure(text.substr(second + 1))};
}

Books& books() {
  static Books& all = *new Books;
  static const bool read = (read_environment(all), true);
  static_cast<void>(read);
  return all;
}

}  // namespace

void double_violation(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::fputs("ANE double: ", stderr);
  std::vfprintf(stderr, format, arguments);
  std::fputs("\n", stderr);
  va_end(arguments);
  std::abort();
}

double_failure double_called(const char* call) {
  Books& all = books();
  const std::lock_guard lock(all.mutex);
  if (const auto counted = all.calls.find(std::string_view(call)); counted != all.calls.end()) {
    ++counted->second;
  } else {
    all.calls[call] = 1;
  }
  const auto found = all.failures.find(std::string_view(call));
  if (found == all.failures.end() || --found->second.after > 0) return kNoFailure;
  const double_failure how = found->second.how;
  all.failures.erase(found);
  if (how == kDeath) _exit(3);
  return how;
}

void double_born(const void* object, const char* class_name) {
  Books& all = books();
  const std::lock_guard lock(all.mutex);
  all.live[object] = class_name;
}

void double_died(const void* object) {
  Books& all = books();
  const std::lock_guard lock(all.mutex);
  if (all.live.erase(object) == 0) double_violation("an object is freed twice");
}

void double_check_live(const void* object, const char* what) {
  Books& all = books();
  const std::lock_guard lock(all.mutex);
  if (!all.live.contains(object)) double_violation("%s was given an object that is freed, or never was one", what);
}

int double_take_compile() {
  Books& all = books();
  const std::lock_guard lock(all.mutex);
  if (all.budget == 0) return 0;
  --all.budget;
  return ++all.compiles;
}

uint64_t double_statistics() {
  const std::lock_guard lock(books().mutex);
  return books().statistics;
}

int double_is_entitled() {
  const std::lock_guard lock(books().mutex);
  return books().entitled ? 1 : 0;
}

int double_is_computing() {
  const std::lock_guard lock(books().mutex);
  return books().computing ? 1 : 0;
}

// ---- For tests

void ane_double_reset() {
  Books& all = books();
  const std::lock_guard lock(all.mutex);
  all.calls.clear();
  all.failures.clear();
  all.budget = usual_budget();
  all.statistics = 0;
  all.entitled = false;
  all.computing = true;
}

void ane_double_fail(const char* call, int nth, const char* how) {
  const std::lock_guard lock(books().mutex);
  books().failures[call] = {nth, parse_failure(how)};
}

int ane_double_calls(const char* call) {
  const std::lock_guard lock(books().mutex);
  return books().calls[call];
}

const char* ane_double_call(int i) { return i < int(kCalls.size()) ? kCalls[size_t(i)] : nullptr; }

int ane_double_live(const char* class_name) {
  const std::lock_guard lock(books().mutex);
  int count = 0;
  for (const auto& [object, name] : books().live) count += class_name == nullptr || name == class_name ? 1 : 0;
  return count;
}

int ane_double_compiles() {
  const std::lock_guard lock(books().mutex);
  return books().compiles;
}

void ane_double_set_budget(int compiles) {
  const std::lock_guard lock(books().mutex);
  books().budget = compiles;
}

void ane_double_set_statistics(uint64_t nanoseconds) {
  const std::lock_guard lock(books().mutex);
  books().statistics = nanoseconds;
}

void ane_double_set_entitled(int entitled) {
  const std::lock_guard lock(books().mutex);
  books().entitled = entitled != 0;
}

void ane_double_set_computing(int computing) {
  const std::lock_guard lock(books().mutex);
  books().computing = computing != 0;
}
