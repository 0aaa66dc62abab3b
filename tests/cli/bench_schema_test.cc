// The schema of `anemone bench NAME --json`, by examples that it takes and refuses.
#include <gmock/gmock.h>

#include "base/file.h"
#include "json_schema.h"

namespace anemone::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kSchema = ANEMONE_SOURCE_DIR "/docs/anemone-bench-1.schema.json";

json example() {
  return parse_json(read_text(ANEMONE_SOURCE_DIR "/tests/golden/bench/example.json").value(), "example").value();
}

TEST(BenchSchema, TakesTheExample) { EXPECT_EQ(schema_errors(example(), kSchema), ""); }

TEST(BenchSchema, RefusesOtherVersionsMissingFieldsAndUnknownOnes) {
  json other = example();
  other["schema"] = "anemone-bench/2";
  EXPECT_THAT(schema_errors(other, kSchema), HasSubstr("schema"));
  json missing = example();
  missing["benchmarks"][0]["configurations"][0].erase("times_ns");
  EXPECT_THAT(schema_errors(missing, kSchema), HasSubstr("times_ns"));
  json unknown = example();
  unknown["device"]["colour"] = "green";
  EXPECT_THAT(schema_errors(unknown, kSchema), HasSubstr("colour"));
  json negative = example();  // the seed's programs showed failures as negative times
  negative["benchmarks"][0]["configurations"][0]["times_ns"][0] = -1;
  EXPECT_THAT(schema_errors(negative, kSchema), HasSubstr("times_ns"));
}

}  // namespace
}  // namespace anemone::cli
