#include "bridge/session.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include "device/engine_calls.h"
#include "device/execute.h"
#include "mil/blob.h"
#include "mil/inference.h"
#include "mil/parser.h"

namespace anemone::bridge {
namespace {

constexpr size_t kKnownPrograms = 32;
constexpr std::string_view kModelPath = "@model_path/";
constexpr std::string_view kText = "program";  // what errors call the text

Result<mil::BlobFile> open_file(std::span<const WeightFile> files, const std::string& path) {
  const auto file = std::ranges::find(files, path, &WeightFile::path);
  if (file == files.end()) return fail("the program names weight file {}, which was not given", path);
  const auto copy = std::make_shared<const std::vector<std::byte>>(file->bytes.begin(), file->bytes.end());
  return mil::BlobFile::view(path, *copy, copy);
}

// Of the constants that the function names.
Result<mil::Weights> read_weights(const mil::Function& function, std::span<const WeightFile> files) {
  mil::Weights weights;
  std::map<std::string, mil::BlobFile> open;
  for (const mil::ValueInfo& value : function.values) {
    if (!value.blob) continue;
    const std::string& path = value.blob->path;
    auto file = open.find(path);
    if (file == open.end()) file = open.emplace(path, TRY(open_file(files, path))).first;
    weights.set(*value.blob, TRY(file->second.tensor(value.blob->offset, value.type)).tensor);
  }
  return weights;
}

Result<const mil::Function*> find_main(const mil::Program& program) {
  if (const mil::Function* main = program.function("main")) return main;
  if (program.functions.size() == 1) return &program.functions[0];
  return fail("the program has {} functions, none of which is called main", program.functions.size());
}

}  // namespace

std::string model_path(std::string_view name) {
  return std::string(name.starts_with(kModelPath) ? "" : kModelPath).append(name);
}

Result<> Session::open_default() {
  const std::lock_guard lock(mutex_);
  if (device_ != nullptr) return {};
  if (const char* chosen = std::getenv("ANEMONE_DEVICE"); chosen != nullptr && *chosen != '\0') {
    return replace_device(chosen);
  }
  if (replace_device("ane")) return {};
  return replace_device("cpu");
}

Result<> Session::open(const std::string& spec) {
  const std::lock_guard lock(mutex_);
  if (device_ != nullptr && spec == spec_) return {};
  return replace_device(spec);
}

Result<> Session::replace_device(const std::string& spec) {
  std::shared_ptr<Device> opened = TRY(open_device(spec));
  static_cast<void>(change_real_time(false));  // which nobody could end afterwards
  device_ = std::move(opened);
  spec_ = spec;
  known_.clear();
  compiles_ = 0;
  return {};
}

std::string Session::device_name() {
  const std::lock_guard lock(mutex_);
  return spec_;
}

void Session::forget_programs() {
  const std::lock_guard lock(mutex_);
  known_.clear();
}

Result<> Session::set_real_time(bool on) {
  const std::lock_guard lock(mutex_);
  return change_real_time(on);
}

Result<> Session::change_real_time(bool on) {
  if (device_ == nullptr) return fail("no device is open: call ane_bridge_init first");
  EngineCalls* const calls = device_->engine_calls();
  if (calls == nullptr) return fail("{} has no real-time task to {}: evaluate without", spec_, on ? "begin" : "end");
  TRY(on ? calls->begin_real_time() : calls->end_real_time());
  return {};
}

Result<std::unique_ptr<Kernel>> Session::compile(const Source& source, const Sizes& sizes) {
  const std::lock_guard lock(mutex_);
  if (device_ == nullptr) return fail("no device is open: call ane_bridge_init first");
  return Kernel::create(device_, TRY(program(source)), sizes);
}

// Compiled before, or now.
Result<std::shared_ptr<const Program>> Session::program(const Source& source) {
  if (!source.files.empty()) return build(source);
  const auto known = std::ranges::find(known_, source.text, &Known::text);
  if (known != known_.end()) {
    known_.splice(known_.begin(), known_, known);
  } else {
    std::shared_ptr<const Program> built = TRY(build(source));
    known_.push_front({std::string(source.text), std::move(built)});
    if (known_.size() > kKnownPrograms) known_.pop_back();
  }
  return known_.front().program;
}

Result<std::shared_ptr<const Program>> Session::build(const Source& source) {
  const mil::Program program = TRY(mil::parse(source.text, kText));
  mil::Function function = *TRY(find_main(program));
  const mil::Weights weights = TRY(read_weights(function, source.files));
  TRY(mil::check(function, &weights, kText));
  TRY(check_memory(function));
  std::shared_ptr<const Program> compiled = TRY(device_->compile(function, weights));
  ++compiles_;
  return compiled;
}

}  // namespace anemone::bridge
