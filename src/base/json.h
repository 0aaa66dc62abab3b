// JSON by nlohmann's library, with errors as values. Include it in .cc files only: it is slow to compile.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace anemone {

// `where` names the text in the error ("configs/small.json"). A key twice in one object is refused, for readers differ
// on which one counts; so is nesting so deep that only an attack would have it.
inline Result<nlohmann::json> parse_json(std::string_view text, std::string_view where) {
  using Event = nlohmann::json::parse_event_t;
  constexpr int kMaxDepth = 100;
  std::vector<std::set<std::string>> keys;  // of each open object
  std::string twice;
  bool too_deep = false;
  const auto watch = [&](int depth, Event event, nlohmann::json& parsed) {
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(parsed.get<std::string>()).second) twice = parsed.get<std::string>();
    if (depth > kMaxDepth) too_deep = true;
    return !too_deep;
  };
  nlohmann::json value = nlohmann::json::parse(text, watch, /*allow_exceptions=*/false);
  if (too_deep) return fail("{} is nested more than {} levels deep", where, kMaxDepth);
  if (value.is_discarded()) return fail("{} is not valid JSON", where);
  if (!twice.empty()) return fail("{} has the key \"{}\" twice in one object", where, twice);
  return value;
}

// Whether `value` is a whole number from `least` to `most`; then `number` is it.
inline bool read_whole(const nlohmann::json& value, int64_t least, int64_t most, int64_t& number) {
  const bool fits = !value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t{INT64_MAX};
  if (!value.is_number_integer() || !fits) return false;
  number = value.get<int64_t>();
  return least <= number && number <= most;
}

}  // namespace anemone
