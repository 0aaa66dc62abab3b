// Whether a document is what a JSON Schema asks for.
//
//   EXPECT_EQ(schema_errors(report, ANEMONE_SOURCE_DIR "/docs/anemone-bench-1.schema.json"), "");
#pragma once

#include <string>

#include "base/json.h"

namespace anemone::cli {

// A line for each place that breaks the schema; empty where none does.
std::string schema_errors(const nlohmann::json& document, const std::string& schema_path);

}  // namespace anemone::cli
