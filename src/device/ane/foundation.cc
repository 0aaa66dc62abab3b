#include "device/ane/foundation.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "mil/engine/rule.h"

namespace anemone::ane {
namespace {

constexpr const char* kErrorDomain = "com.apple.appleneuralengine";

const char* utf8(Id string) { return send<const char*>(string, "UTF8String"); }

std::string_view meaning(uint64_t status) {
  switch (static_cast<mil::Status>(status)) {
    case mil::Status::wrong_symbol:
      return "the program has no procedure of that index";
    case mil::Status::narrow:
      return "a row is too short: pad it to 32 elements";
    case mil::Status::bad_dma_word:
      return "the engine met a word it cannot transfer by";
    case mil::Status::evaluation_failed:
      return "surfaces are of a wrong size, or an evaluation that failed before has spoilt the engine for this process";
  }
  return {};
}

// The number behind "0x" in a text.
std::optional<uint64_t> hexadecimal(std::string_view text) {
  const size_t at = text.find("0x");
  if (at == text.npos) return {};
  uint64_t value = 0;
  const auto parsed = std::from_chars(text.data() + at + 2, text.data() + text.size(), value, 16);
  if (parsed.ec != std::errc()) return {};
  return value;
}

}  // namespace

Result<> check_foundation() {
  TRY(Message<Id()>("NSAutoreleasePool", Of::classes, "alloc").check());
  TRY(Message<Id()>("NSAutoreleasePool", Of::instances, "init").check());
  TRY(Message<void()>("NSAutoreleasePool", Of::instances, "drain").check());
  TRY(Message<Id()>("NSObject", Of::instances, "retain").check());
  TRY(Message<void()>("NSObject", Of::instances, "release").check());
  TRY(Message<Id(const void*, uint64_t)>("NSData", Of::classes, "dataWithBytes:length:").check());
  TRY(Message<Id(const char*)>("NSString", Of::classes, "stringWithUTF8String:").check());
  TRY(Message<const char*()>("NSString", Of::instances, "UTF8String").check());
  TRY(Message<Id(uint64_t)>("NSNumber", Of::classes, "numberWithUnsignedLongLong:").check());
  TRY(Message<Id(const Id*, uint64_t)>("NSArray", Of::classes, "arrayWithObjects:count:").check());
  TRY(Message<Id(const Id*, const Id*, uint64_t)>("NSDictionary", Of::classes, "dictionaryWithObjects:forKeys:count:")
          .check());
  TRY(Message<Id()>("NSError", Of::instances, "localizedDescription").check());
  TRY(Message<Id()>("NSError", Of::instances, "domain").check());
  TRY(Message<int64_t()>("NSError", Of::instances, "code").check());
  if (Runtime::get().symbol("NSTemporaryDirectory") == nullptr) return fail("there is no NSTemporaryDirectory()");
  return {};
}

Id data_of(std::span<const std::byte> bytes) {
  return send<Id>(class_named("NSData"), "dataWithBytes:length:", static_cast<const void*>(bytes.data()),
                  uint64_t{bytes.size()});
}

Id string_of(const std::string& text) {
  return send<Id>(class_named("NSString"), "stringWithUTF8String:", text.c_str());
}

Id number_of(uint64_t value) { return send<Id>(class_named("NSNumber"), "numberWithUnsignedLongLong:", value); }

Id array_of(const std::vector<Id>& items) {
  return send<Id>(class_named("NSArray"), "arrayWithObjects:count:", items.data(), uint64_t{items.size()});
}

Id dictionary_of(const std::vector<std::pair<Id, Id>>& entries) {
  std::vector<Id> keys, values;
  for (const auto& [key, value] : entries) {
    keys.push_back(key);
    values.push_back(value);
  }
  return send<Id>(class_named("NSDictionary"), "dictionaryWithObjects:forKeys:count:", values.data(), keys.data(),
                  uint64_t{keys.size()});
}

std::string text_of(Id string) {
  const char* characters = utf8(string);
  return characters == nullptr ? std::string() : characters;
}

std::string temporary_folder() {
  const auto function = reinterpret_cast<Id (*)()>(Runtime::get().symbol("NSTemporaryDirectory"));
  std::string folder = text_of(function());
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return folder;
}

std::string error_text(Id error) {
  if (error == nullptr) return "the framework gave no error object";
  const std::string text = text_of(send<Id>(error, "localizedDescription"));
  const std::string domain = text_of(send<Id>(error, "domain"));
  const auto code = send<int64_t>(error, "code");
  std::string words = fmt::format("{} ({}, code {})", text.empty() ? "the framework's error has no text" : text,
                                  domain.empty() ? "no domain" : domain, code);
  std::optional<uint64_t> status = hexadecimal(text);
  if (!status && domain == kErrorDomain) status = static_cast<uint64_t>(code);
  if (!status || meaning(*status).empty()) return words;
  return words + fmt::format(": status {:#x} says that {}", *status, meaning(*status));
}

}  // namespace anemone::ane
