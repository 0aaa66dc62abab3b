// Takes a document from elsewhere apart, field by field. Include it in .cc files only.
//
//   static void fields(JsonReader& r, Device& d) {       // found by argument-dependent lookup, not in an anonymous
//   namespace
//     r("name", d.name);
//     r.one_of("precision", d.precision, kPrecisions);
//   }
//   JsonReader r(document);
//   r("device", file.device);
//   r("times_ns", file.times);                           // std::vector<int64_t>
//   if (!r.error().empty()) return fail("{}: {}", path, r.error());      // run.json: device.name must be text
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"

namespace anemone {

// Takes a document apart. The first thing that is not as it should be is the error, with the place where it stands;
// what follows is then passed over.
class JsonReader {
 public:
  using Choices = std::span<const std::string_view>;

  explicit JsonReader(const nlohmann::json& document) : at_(&document) {}

  // A field: text, a truth, a count or a measure of at least 0, null for what is optional, an array, or an object.
  template <class T>
  void operator()(const char* name, T& value) {
    within(name, [&] { take(value); });
  }
  void positive(const char* name, int64_t& value) {
    within(name, [&] { whole(1, value); });
  }
  void any_number(const char* name, double& value) {
    within(name, [&] { number(std::numeric_limits<double>::lowest(), value); });
  }
  void share(const char* name, double& value) {
    within(name, [&] {
      number(0, value);
      if (value > 1) must_be("at most 1");
    });
  }
  void one_of(const char* name, std::string& value, Choices choices) {
    within(name, [&] {
      take(value);
      if (std::ranges::find(choices, value) == choices.end()) must_be(fmt::format("{}", listed(choices)));
    });
  }
  template <class T>
  void where_present(const char* name, std::optional<T>& value) {
    if (at_->contains(name)) (*this)(name, value.emplace());
  }

  void fail_here(std::string_view what) {
    if (error_.empty()) error_ = path_.empty() ? std::string(what) : fmt::format("{} {}", path_, what);
  }
  const std::string& error() const { return error_; }

 private:
  static constexpr int64_t kLargestCount = int64_t{1} << 53;  // every whole number up to it is a double

  template <class T>
  struct IsOptional : std::false_type {};
  template <class T>
  struct IsOptional<std::optional<T>> : std::true_type {};
  template <class T>
  struct IsVector : std::false_type {};
  template <class T>
  struct IsVector<std::vector<T>> : std::true_type {};

  template <class Take>
  void within(const char* name, const Take& take_it) {
    if (!error_.empty()) return;
    const auto found = at_->find(name);
    if (found == at_->end()) return fail_here(fmt::format("lacks the field \"{}\"", name));
    step_into(*found, path_.empty() ? name : fmt::format(".{}", name), take_it);
  }
  template <class Take>
  void step_into(const nlohmann::json& value, const std::string& step, const Take& take_it) {
    const nlohmann::json* outer = at_;
    const size_t length = path_.size();
    at_ = &value;
    path_ += step;
    take_it();
    at_ = outer;
    path_.resize(length);
  }

  template <class T>
  void take(T& value) {
    if constexpr (std::is_same_v<T, int64_t>) {
      whole(0, value);
    } else if constexpr (std::is_same_v<T, double>) {
      number(0, value);
    } else if constexpr (IsOptional<T>::value) {
      if (!at_->is_null()) take(value.emplace());
    } else if constexpr (IsVector<T>::value) {
      elements(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      at_->is_string() ? void(value = printable(at_->get<std::string>())) : must_be("text");
    } else if constexpr (std::is_same_v<T, bool>) {
      at_->is_boolean() ? void(value = at_->get<bool>()) : must_be("true or false");
    } else {
      at_->is_object() ? fields(*this, value) : must_be("an object");
    }
  }
  void whole(int64_t least, int64_t& value) {
    if (!read_whole(*at_, least, kLargestCount, value)) must_be(fmt::format("a whole number from {} on", least));
  }
  void number(double least, double& value) {
    if (at_->is_number()) value = at_->get<double>();
    if (!at_->is_number() || value < least) must_be(least == 0 ? "a number from 0 on" : "a number");
  }
  template <class T>
  void elements(std::vector<T>& values) {
    if (!at_->is_array()) return must_be("an array");
    for (size_t i = 0; i < at_->size() && error_.empty(); ++i) {
      step_into((*at_)[i], fmt::format("[{}]", i), [&] { take(values.emplace_back()); });
    }
  }

  // Control characters could steer a terminal or break a line of a table: each becomes a space.
  static std::string printable(std::string text) {
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return text;
  }
  static std::string listed(Choices choices) {
    std::string text;
    for (const std::string_view choice : choices) {
      text += fmt::format("{}\"{}\"", text.empty() ? "" : choice == choices.back() ? " or " : ", ", choice);
    }
    return text;
  }
  void must_be(std::string_view what) { fail_here(fmt::format("must be {}", what)); }

  const nlohmann::json* at_;
  std::string path_;  // "benchmarks[0].name"
  std::string error_;
};

}  // namespace anemone
