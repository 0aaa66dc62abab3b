// JSON by nlohmann's library, with errors as values. Include it in .cc files only: it is slow to compile.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"

namespace anemone {

// `where` names the text in the error ("configs/small.json").
inline Result<nlohmann::json> parse_json(std::string_view text, std::string_view where) {
  nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return fail("{} is not valid JSON", where);
  return value;
}

}  // namespace anemone
