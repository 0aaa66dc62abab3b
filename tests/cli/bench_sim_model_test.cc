// `anemone bench sim_model` as people run it.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "process.h"

namespace anemone::cli {
namespace {

Outcome sim_model(Arguments arguments) {
  arguments.insert(arguments.begin(), {"bench", "sim_model"});
  return run(arguments, testing::TempDir());
}

TEST(BenchSimModelCommand, PrintsEachTableWithItsErrors) {
  const Outcome outcome = sim_model({"--chip", "m4-max"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* text : {"sram_probe", "4096 ch", "0.965", "each row left out of the fit: median", "floor_ms"}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << "\n" << outcome.out;
  }
}

TEST(BenchSimModelCommand, PrintsJsonAlone) {
  const Outcome outcome = sim_model({"--json", "--chip", "m4"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["tables"][0]["rows"][0]["chip"], "m4");
  EXPECT_EQ(json["tables"][0]["name"], "ane_int8_bench, FP16");
  EXPECT_LT(json["tables"][0]["errors"]["worst"], 0.3);
}

TEST(BenchSimModelCommand, RefusesAnUnknownChipAndTwoFormats) {
  EXPECT_EQ(sim_model({"--chip", "m7"}).code, 2);
  EXPECT_EQ(sim_model({"--json", "--svg"}).code, 2);
}

TEST(SimPage, HoldsTheTablesAndThePictureOfToday) {
  const std::string page = *read_text(ANEMONE_SOURCE_DIR "/docs/sim.md");
  const std::string tables = sim_model({"--markdown"}).out;
  EXPECT_NE(page.find("<!-- anemone bench sim_model --markdown -->\n" + tables + "<!-- end -->"), std::string::npos)
      << "put the output of build/release/bin/anemone bench sim_model --markdown between its marks in docs/sim.md";
  EXPECT_EQ(sim_model({"--svg"}).out, *read_text(ANEMONE_SOURCE_DIR "/docs/sim_time.svg"))
      << "write it anew: build/release/bin/anemone bench sim_model --svg > docs/sim_time.svg";
}

}  // namespace
}  // namespace anemone::cli
