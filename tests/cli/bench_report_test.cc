// `anemone bench report` and `anemone bench compare` as people run them, and the files that they read.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "base/file.h"
#include "bench/results.h"
#include "json_schema.h"
#include "process.h"

namespace anemone::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kSchema = ANEMONE_SOURCE_DIR "/docs/anemone-bench-1.schema.json";

json example() {
  return parse_json(read_text(ANEMONE_SOURCE_DIR "/tests/golden/bench/example.json").value(), "example").value();
}

// A fresh folder for the test.
std::string fresh_folder() {
  const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / ("anemone_bench_report_" + test);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder.string() + "/";
}

class BenchReportCommand : public testing::Test {
 protected:
  BenchReportCommand() { write("a.json", example()); }
  void write(const std::string& name, const json& document) { std::ofstream(folder_ + name) << document; }
  Outcome bench(Arguments arguments) {
    arguments.insert(arguments.begin(), "bench");
    return run(arguments, folder_);
  }

  std::string folder_ = fresh_folder();
};

using BenchCompareCommand = BenchReportCommand;

TEST_F(BenchReportCommand, WritesAPage) {
  const Outcome outcome = bench({"report", "a.json", "a.json", "-o", "page.html"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "page.html\n");
  const std::string page = *read_text(folder_ + "page.html");
  EXPECT_THAT(page, testing::StartsWith("<!doctype html>"));
  EXPECT_THAT(page, HasSubstr("B: a"));
}

TEST_F(BenchReportCommand, LeavesThePageAsItWasWhereAFileIsBad) {
  std::ofstream(folder_ + "page.html") << "yesterday's";
  std::ofstream(folder_ + "empty.json");
  std::ofstream(folder_ + "table.txt") << "Config  W(MB)  GFLOP\n";
  for (const auto& [file, message] :
       {std::pair{"empty.json", "empty.json is empty"}, std::pair{"table.txt", "table.txt is not valid JSON"},
        std::pair{"none.json", "cannot open none.json: No such file or directory"}}) {
    const Outcome outcome = bench({"report", "a.json", file, "-o", "page.html"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr(std::string("anemone: ") + message));
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
  }
  EXPECT_EQ(*read_text(folder_ + "page.html"), "yesterday's");
  EXPECT_EQ(bench({"report"}).code, 2);
  EXPECT_EQ(bench(Arguments(28, "report")).code, 1);
}

// As Debian and Google call it; empty where it is not there.
std::string browser() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/google-chrome"}) {
    if (std::filesystem::exists(path)) return path;
  }
  return "";
}

TEST_F(BenchReportCommand, MakesAPageThatABrowserShows) {
  if (browser().empty()) GTEST_SKIP() << "there is no Chromium here";
  ASSERT_EQ(bench({"report", "a.json", "-o", "page.html"}).code, 0);
  const auto browse = [&](const Arguments& more) {
    Arguments arguments{"--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + folder_ + "profile",
                        "--window-size=800,1600"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments, folder_, browser());
  };
  const std::string address = "file://" + folder_ + "page.html";
  const Outcome text = browse({"--dump-dom", address});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("<td>0.0810 (0.0800–0.0820)</td>"));
  EXPECT_THAT(text.out, HasSubstr("</body>"));
  ASSERT_EQ(browse({"--screenshot=" + folder_ + "page.png", address}).code, 0);
  EXPECT_GT(std::filesystem::file_size(folder_ + "page.png"), 20'000);  // an empty page of this size takes 7 115
}

TEST_F(BenchCompareCommand, ExitsWith1WhereSomethingRegressed) {
  json slower = example();
  slower["benchmarks"][0]["configurations"][0]["times_ns"] = {90000, 91000, 92000};
  write("b.json", slower);
  const Outcome regressed = bench({"compare", "a.json", "b.json"});
  EXPECT_EQ(regressed.code, 1);
  EXPECT_THAT(regressed.out, HasSubstr("1.123  1.098 to 1.150  slower <- regression"));
  EXPECT_EQ(regressed.err, "anemone: 1 of 2 configurations regressed by more than 5 %\n");
  EXPECT_EQ(bench({"compare", "a.json", "b.json", "--threshold", "0.2"}).code, 0);
  EXPECT_EQ(bench({"compare", "a.json", "a.json"}).code, 0);
  const Outcome faster = bench({"compare", "b.json", "a.json", "--json"});
  EXPECT_EQ(faster.code, 0);
  EXPECT_EQ(json::parse(faster.out)["configurations"][0]["verdict"], "faster");
}

TEST_F(BenchCompareCommand, FailsWhereNothingIsInCommon) {
  json other = example();
  other["benchmarks"][0]["name"] = "sram_bench";
  write("b.json", other);
  const Outcome outcome = bench({"compare", "a.json", "b.json"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("only in b.json:\n  sram_bench   256ch x64sp"));
  EXPECT_THAT(outcome.err, HasSubstr("have no configuration in common"));
}

// Visits each value of the document, which is changed and put back.
void for_each_value(json& value, const std::function<void(json&)>& visit) {
  for (json& child : value) {
    visit(child);
    if (child.is_structured()) for_each_value(child, visit);
  }
}

// The reader must refuse whatever the schema does, since what follows relies on it.
TEST(BenchResults, WithAnyValueOfAnotherKindAreReadOnlyWhereTheSchemaTakesThem) {
  json document = example();
  int refused = 0;
  for_each_value(document, [&](json& value) {
    if (value == "2026-01-31T12:00:00Z") return;  // any text will do
    const json kept = value;
    for (const json& other : {json(), json(-1), json(0.5), json("x"), json(true), json::array(), json::object()}) {
      value = other;
      if (schema_errors(document, kSchema).empty()) continue;
      ++refused;
      EXPECT_FALSE(bench::results::parse(document.dump(), "x")) << kept << " -> " << other;
    }
    value = kept;
  });
  EXPECT_GT(refused, 300);
}

TEST(BenchResults, WithoutAnyFieldAreReadOnlyWhereTheSchemaTakesThem) {
  json document = example();
  const std::function<void(json&)> erase_each = [&](json& object) {
    if (!object.is_object()) return;
    const json kept = object;
    for (const auto& [name, value] : kept.items()) {
      object.erase(name);
      EXPECT_EQ(!schema_errors(document, kSchema).empty(), !bench::results::parse(document.dump(), "x")) << name;
      object = kept;
    }
  };
  erase_each(document);
  for_each_value(document, erase_each);
}

}  // namespace
}  // namespace anemone::cli
