#include "device/ane/framework.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "device/ane/io_surface.h"

namespace anemone::ane {
namespace {

// For tests: a library that stands for all of the system's.
constexpr const char* kStandIn = "ANEMONE_ANE_FRAMEWORK";

std::vector<std::string> libraries() {
  if (const char* path = std::getenv(kStandIn); path != nullptr && *path != 0) return {path};
  return {"/usr/lib/libobjc.A.dylib", "/System/Library/Frameworks/Foundation.framework/Foundation",
          "/System/Library/Frameworks/IOSurface.framework/IOSurface",
          "/System/Library/PrivateFrameworks/AppleNeuralEngine.framework/AppleNeuralEngine"};
}

// Empty where the system has no such class, or none of that type.
std::string told(const char* selector) {
  const Message<Id()> message("_ANEDeviceInfo", Of::classes, selector);
  if (!is_there(message)) return {};
  const Result<Id> answer = message.of_class();
  return answer ? text_of(*answer) : std::string();
}

Result<> check_engine() {
  const Message<Bool()> has_engine("_ANEDeviceInfo", Of::classes, "hasANE");
  if (!is_there(has_engine) || TRY(has_engine.of_class()) != 0) return {};
  return fail("this machine has no Neural Engine");
}

std::vector<Id> engine_classes() {
  const Runtime& runtime = Runtime::get();
  std::vector<Id> classes(size_t(runtime.objc_getClassList(nullptr, 0)));
  const int count = runtime.objc_getClassList(classes.data(), int(classes.size()));
  classes.resize(std::min(classes.size(), size_t(count)));
  std::erase_if(classes, [&](Id each) { return !std::string_view(runtime.class_getName(each)).starts_with("_ANE"); });
  std::ranges::sort(classes, {}, [&](Id each) { return std::string_view(runtime.class_getName(each)); });
  return classes;
}

// "+" before methods of a class, "-" before its instances'.
void add_methods(Id owner, char sign, const std::string& group, std::vector<Fact>& facts) {
  const Runtime& runtime = Runtime::get();
  unsigned count = 0;
  Method* methods = runtime.class_copyMethodList(owner, &count);
  for (unsigned i = 0; i < count; ++i) {
    const char* encoding = runtime.method_getTypeEncoding(methods[i]);
    facts.push_back({group, sign + std::string(runtime.sel_getName(runtime.method_getName(methods[i]))),
                     encoding == nullptr ? "" : encoding});
  }
  std::free(methods);
}

}  // namespace

Result<const Framework*> Framework::open() {
  static std::mutex opening;
  static std::unique_ptr<Framework> framework;  // kept: its classes cannot be unloaded
  const std::lock_guard lock(opening);
  const auto absent = [](const Error& error) {
    return fail("the Neural Engine cannot be driven here ({}): use sim:m4, which simulates one, or cpu", error.message);
  };
  if (const Result<> loaded = Runtime::load(libraries()); !loaded) return absent(loaded.error());
  if (framework != nullptr) return framework.get();
  auto opened = std::make_unique<Framework>();
  if (const Result<> checked = opened->check(); !checked) return absent(checked.error());
  const Pool pool;
  if (const Result<> there = check_engine(); !there) return absent(there.error());
  opened->no_options_ = Owned::retained(dictionary_of({}));
  framework = std::move(opened);
  return framework.get();
}

Result<> Framework::check() const {
  TRY(check_foundation());
  TRY(check_io_surfaces());
  TRY(describe.check());
  TRY(make_model.check());
  TRY(identifier.check());
  TRY(compile.check());
  TRY(load.check());
  TRY(evaluate.check());
  TRY(unload.check());
  TRY(wrap.check());
  return make_request.check();
}

std::vector<Fact> Framework::facts() const {
  std::vector<Fact> facts;
  const Runtime& runtime = Runtime::get();
  for (Id each : engine_classes()) {
    const std::string group = std::string("class ") + runtime.class_getName(each);
    add_methods(runtime.object_getClass(each), '+', group, facts);
    add_methods(each, '-', group, facts);
  }
  return facts;
}

std::string Framework::engine_name() const {
  const Pool pool;
  return told("aneArchitectureType");
}

}  // namespace anemone::ane
