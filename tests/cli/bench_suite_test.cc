// The benchmark suite as people run it. What sim:m4 prints is deterministic: tests/golden/bench holds it.
//
// Written anew by running the commands below and moving stdout there (of the JSON, without `created`, `machine` and
// `error`).
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "json_schema.h"
#include "process.h"

namespace anemone::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kSchema = ANEMONE_SOURCE_DIR "/docs/anemone-bench-1.schema.json";

Outcome bench(Arguments arguments) {
  arguments.insert(arguments.begin(), "bench");
  return run(arguments, testing::TempDir());
}

std::string golden(const std::string& name) {
  return read_text(ANEMONE_SOURCE_DIR "/tests/golden/bench/" + name).value();
}

// Takes out what differs from run to run or from machine to machine.
void take_out_what_varies(json& value) {
  for (const char* key : {"created", "machine", "error"}) {
    if (value.is_object()) value.erase(key);
  }
  if (value.is_structured()) {
    for (json& part : value) take_out_what_varies(part);
  }
}

// Equal but for the last digits of numbers.
bool is_near(const json& a, const json& b) {
  if (a.is_number() && b.is_number()) {
    const double x = a.get<double>(), y = b.get<double>();
    return std::abs(x - y) <= 1e-6 * (std::abs(x) + std::abs(y));
  }
  if (!a.is_structured() || a.type() != b.type() || a.size() != b.size()) return a == b;
  if (a.is_array()) return std::equal(a.begin(), a.end(), b.begin(), is_near);
  return std::ranges::all_of(
      a.items(), [&](const auto& item) { return b.contains(item.key()) && is_near(item.value(), b[item.key()]); });
}

TEST(BenchSuiteCommand, PrintsTheSeedsTablesOnTheSimulator) {
  const std::pair<const char*, Arguments> tables[] = {
      {"inmem_peak.txt", {"inmem_peak", "--device", "sim:m4", "--only", "64x conv 256ch"}},
      {"inmem_basic.txt", {"inmem_basic", "--device", "sim:m4"}},
      {"inmem_bench.txt", {"inmem_bench", "--device", "sim:m4", "--only", "2ch"}},
      {"sram_bench.txt", {"sram_bench", "--device", "sim:m4", "--only", "2ch"}},
      {"sram_probe.txt", {"sram_probe", "--device", "sim:m4"}},
  };
  for (const auto& [file, arguments] : tables) {
    const Outcome outcome = bench(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, golden(file)) << file;
  }
}

TEST(BenchSuiteCommand, PrintsJsonThatTheSchemaTakes) {
  const Outcome outcome = bench({"sram_bench", "--device", "sim:m4", "--only", "x64sp", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  json report = json::parse(outcome.out);
  EXPECT_EQ(schema_errors(report, kSchema), "");
  take_out_what_varies(report);
  EXPECT_TRUE(is_near(report, json::parse(golden("sram_bench.json")))) << report.dump(2);
}

TEST(BenchSuiteCommand, MeasuresThePeakAndTheLibraryOnTheHost) {
  const Outcome outcome = bench({"inmem_peak", "--only", "64x conv 256", "--repeat", "3", "--warmup", "0", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json report = json::parse(outcome.out);
  EXPECT_EQ(schema_errors(report, kSchema), "");
  EXPECT_EQ(report["clock"], "host");
  EXPECT_EQ(report["device"]["peak"], "measured");
  const json& configuration = report["benchmarks"][0]["configurations"][0];
  EXPECT_EQ(configuration["times_ns"].size(), 3);
  const json& derived = configuration["derived"];
  EXPECT_NEAR(derived["percent_of_peak"].get<double>(),
              100 * derived["tflops"].get<double>() * 1e12 / report["device"]["peak_flops"].get<double>(), 1e-6);
  EXPECT_NEAR(derived["fraction_of_library"].get<double>(),
              derived["library_ms"].get<double>() / derived["best_ms"].get<double>(), 1e-6);
  EXPECT_LE(derived["median_low_ms"], derived["median_ms"]);
}

TEST(BenchSuiteCommand, RunsAllThatTheLabelsChoose) {
  const Outcome outcome = bench({"all", "--device", "sim:m4", "--only", "256ch x64sp", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json report = json::parse(outcome.out);
  EXPECT_EQ(schema_errors(report, kSchema), "");
  std::vector<std::string> names;
  for (const json& benchmark : report["benchmarks"]) names.push_back(benchmark["name"]);
  EXPECT_THAT(names, testing::ElementsAre("inmem_basic", "inmem_bench", "sram_bench", "sram_probe"));
}

// A package cannot be written where there is no folder for it.
TEST(BenchSuiteCommand, GoesOnAfterAFailureAndEndsWithOne) {
  const std::string command =
      "TMPDIR=/nowhere " ANEMONE_BINARY " bench all --device sim:m4 --only '256ch x64sp' --json";
  const Outcome outcome = run({"-c", command}, testing::TempDir(), "/bin/sh");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("anemone: 1 of 4 configurations failed: their rows say why\n"));
  const json report = json::parse(outcome.out);
  EXPECT_EQ(schema_errors(report, kSchema), "");
  const json& failed = report["benchmarks"][0]["configurations"][0];
  EXPECT_EQ(failed["failure"]["stage"], "load");
  EXPECT_THAT(failed["failure"]["reason"].get<std::string>(), HasSubstr("let TMPDIR name one"));
  EXPECT_EQ(failed["times_ns"].size(), 0);
  EXPECT_TRUE(report["benchmarks"][1]["configurations"][0]["failure"].is_null());
}

TEST(BenchSuiteCommand, SaysLoadNoWhereAPackageFails) {
  const Outcome outcome = run({"-c", "TMPDIR=/nowhere " ANEMONE_BINARY " bench inmem_basic --device sim:m4"},
                              testing::TempDir(), "/bin/sh");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("modelled time"));
  EXPECT_THAT(outcome.out, HasSubstr("load: NO  compile: NO  evaluate: NO\n"));
  EXPECT_THAT(outcome.out, HasSubstr("FAIL(load: there is no folder for temporary files"));
}

TEST(BenchSuiteCommand, RefusesWhatChoosesNothing) {
  const Outcome outcome = bench({"sram_probe", "--only", "257ch"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("no label of sram_probe contains \"257ch\""));
  EXPECT_EQ(bench({"sram_probe", "--repeat", "0"}).code, 2);
  EXPECT_EQ(bench({"sram_probe", "--device", "sim:m9"}).code, 2);
}

TEST(BenchSuiteCommand, ListsItsConfigurations) {
  EXPECT_THAT(bench({"int8", "--help"}).out, HasSubstr("W8A8 256x conv 256ch 64x64"));
}

TEST(BenchPackagesCommand, WritesWhatMilReads) {
  const std::string folder = testing::TempDir() + "anemone_bench_packages";
  std::filesystem::remove_all(folder);
  const Outcome outcome = bench({"packages", folder, "--only", "_256ch"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string path = folder + "/ane_sram_256ch_64sp.mlpackage";
  EXPECT_EQ(outcome.out, path + "\n");
  EXPECT_EQ(run({"mil", "check", path}, testing::TempDir()).code, 0);
  const Outcome failure = bench({"packages", "/dev/null/packages"});
  EXPECT_EQ(failure.code, 1);
  EXPECT_THAT(failure.err, HasSubstr("cannot make /dev/null/packages"));
}

}  // namespace
}  // namespace anemone::cli
