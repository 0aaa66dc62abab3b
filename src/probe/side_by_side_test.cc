#include "probe/side_by_side.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace anemone::probe {
namespace {

using results::File;
using results::Finding;
using testing::HasSubstr;
using testing::Not;

File file(const std::string& device, std::vector<Finding> findings) {
  File file;
  file.path = device + ".json";
  file.device = {device, "a device", "fp16"};
  file.probes.push_back({"weight_reload", "Do weights change?", "pass", std::move(findings)});
  return file;
}

Finding finding(const std::string& what, const std::string& outcome, const std::string& answer, bool measured = false) {
  return {what, outcome, answer, "", measured, {{"M5", "no", "maderix"}}, ""};
}

Finding concluded(const std::string& answer, const std::string& figures) {
  Finding concluded = finding("faster", "pass", answer);
  concluded.figures = figures;
  return concluded;
}

TEST(SideBySide, MarksOtherAnswersAndNotOtherTimes) {
  const SideBySide table =
      side_by_side({file("cpu", {finding("changed", "differs", "yes"), finding("time", "pass", "1 ms", true)}),
                    file("sim:m5", {finding("changed", "pass", "no"), finding("time", "pass", "2 ms", true)})});
  ASSERT_EQ(table.probes.size(), 1U);
  ASSERT_EQ(table.probes[0].rows.size(), 2U);
  EXPECT_TRUE(table.probes[0].rows[0].differs);
  EXPECT_FALSE(table.probes[0].rows[1].differs);
  EXPECT_EQ(table.differences(), 1);
}

TEST(SideBySide, ComparesAnswersAndShowsTheirFiguresBesideThem) {
  const std::vector<File> files{file("cpu", {concluded("yes", "2.50 times as fast")}),
                                file("sim:m5", {concluded("yes", "1.31 times as fast")})};
  EXPECT_FALSE(side_by_side(files).probes[0].rows[0].differs);
  const std::string text = to_text(side_by_side(files), files);
  EXPECT_THAT(text, HasSubstr("A          pass        yes (2.50 times as fast)"));
  EXPECT_THAT(text, HasSubstr("B          pass        yes (1.31 times as fast)"));
  EXPECT_THAT(to_json(side_by_side(files), files), HasSubstr("\"figures\": \"1.31 times as fast\""));
  const std::vector<File> apart{files[0], file("sim:m4", {concluded("no", "2.50 times as fast")})};
  EXPECT_TRUE(side_by_side(apart).probes[0].rows[0].differs);
}

TEST(SideBySide, MarksMeasuresWhoseOutcomesDiffer) {
  const SideBySide table = side_by_side(
      {file("cpu", {finding("dx", "pass", "1e-4", true)}), file("ane", {finding("dx", "fail", "1e-4", true)})});
  EXPECT_TRUE(table.probes[0].rows[0].differs);
}

TEST(SideBySide, TellsWhatAFileHasNotAskedAndEachPublishedAnswerOnce) {
  const std::vector<File> files{file("cpu", {}), file("sim:m4", {finding("changed", "pass", "no")}),
                                file("sim:m5", {finding("changed", "pass", "no")})};
  const SideBySide table = side_by_side(files);
  EXPECT_EQ(table.probes[0].rows[0].findings[0], nullptr);
  EXPECT_EQ(table.probes[0].rows[0].published.size(), 1U);
  const std::string text = to_text(table, files);
  EXPECT_THAT(text, HasSubstr("A          not asked"));
  EXPECT_THAT(text, HasSubstr("M5         published   no (maderix)"));
  EXPECT_THAT(text, HasSubstr("0 answers differ"));
}

// ---- files from elsewhere

std::string document(const std::string& finding_fields) {
  return fmt::format(R"({{"schema": "anemone-probe/1", "created": "", "machine": {{"cpu": "c", "os": "o"}},
      "device": {{"name": "cpu", "description": "", "precision": "fp32"}},
      "probes": [{{"name": "api", "question": "?", "outcome": "pass", "findings": [{{{}}}]}}]}})",
                     finding_fields);
}

constexpr const char* kFinding =
    R"("what": "w", "outcome": "pass", "answer": "a", "why": "", "errors": null, "timing": {}, "published": [])";

TEST(ProbeResults, AreReadBack) {
  const File file = results::parse(document(kFinding), "x.json").value();
  EXPECT_EQ(file.processor, "c");
  ASSERT_NE(file.find("api"), nullptr);
  const Finding* const finding = file.find("api")->find("w");
  ASSERT_NE(finding, nullptr);
  EXPECT_TRUE(finding->measured);
  EXPECT_EQ(finding->figures, "");  // as in files from before there were any
  EXPECT_EQ(file.find("API"), nullptr);
  const File with_figures =
      results::parse(document(std::string(kFinding) + R"(, "figures": "2 times")"), "x.json").value();
  EXPECT_EQ(with_figures.find("api")->find("w")->figures, "2 times");
}

TEST(ProbeResults, AreHostileUntilRead) {
  const auto message = [](const std::string& text) { return results::parse(text, "x.json").error().message; };
  EXPECT_THAT(message(""), HasSubstr("x.json is empty"));
  EXPECT_THAT(message("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(message("[]"), HasSubstr("anemone probe NAME --json"));
  EXPECT_THAT(message(R"({"schema": "anemone-bench/1"})"), HasSubstr("holds no answers"));
  EXPECT_THAT(message(document(R"("what": "w")")), HasSubstr("probes[0].findings[0] lacks the field \"outcome\""));
  EXPECT_THAT(message(document(R"("what": "w", "outcome": "good")")), HasSubstr("must be \"pass\", "));
  EXPECT_THAT(message(document(fmt::format("{}}}, {{{}", kFinding, kFinding))), HasSubstr("has \"w\" twice"));
}

}  // namespace
}  // namespace anemone::probe
