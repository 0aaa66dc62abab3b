#include "bench/results.h"

#include <gmock/gmock.h>

#include "base/file.h"

namespace anemone::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kExample = ANEMONE_SOURCE_DIR "/tests/golden/bench/example.json";

std::string example() { return *read_text(kExample); }

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

std::string error_of(std::string_view text) {
  const auto file = results::parse(text, "probe.json");
  return file ? "none" : file.error().message;
}

TEST(Results, AreReadWhole) {
  const results::File file = results::read(kExample).value();
  EXPECT_EQ(file.machine.cpu, "Example CPU");
  EXPECT_EQ(file.machine.caches[1].bytes, 33554432);
  EXPECT_EQ(file.machine.build.compiler, "GNU 12.2.0");
  EXPECT_EQ(file.device.peak_flops, 120e9);
  EXPECT_FALSE(file.modelled());
  const results::Benchmark& probe = *file.find("sram_probe");
  const results::Configuration& first = probe.configurations[0];
  EXPECT_THAT(first.times_ns, ElementsAre(80000, 81000, 82000));
  EXPECT_EQ(first.parameters.channels, 256);
  EXPECT_EQ(first.derived->library_ms, 0.078);
  EXPECT_EQ(first.derived->speedup, std::nullopt);
  EXPECT_EQ(first.check->tolerance, 4e-6);
  EXPECT_EQ(probe.configurations[1].failure->reason, "out of memory");
  EXPECT_EQ(probe.cliff->above.ms, -20);
  EXPECT_EQ(file.find("int8"), nullptr);
}

TEST(Results, SayInOneSentenceWhatIsWrong) {
  EXPECT_THAT(error_of(""), HasSubstr("probe.json is empty"));
  EXPECT_EQ(error_of("inmem_peak"), "probe.json is not valid JSON");
  EXPECT_THAT(error_of("[1]"), HasSubstr("holds no benchmark's results: give what `anemone bench"));
  EXPECT_THAT(error_of(R"({"schema": 1})"), HasSubstr("holds no benchmark's results"));
  EXPECT_THAT(error_of(R"({"schema": "anemone-bench/2"})"), HasSubstr("\"anemone-bench/2\", and this anemone reads"));
  EXPECT_EQ(error_of(R"({"schema": "anemone-bench/1"})"), "probe.json: lacks the field \"created\"");
}

TEST(Results, NameThePlaceOfWhatIsWrong) {
  EXPECT_EQ(error_of(replaced(example(), "81000", "-81000")),
            "probe.json: benchmarks[0].configurations[0].times_ns[1] must be a whole number from 0 on");
  EXPECT_EQ(error_of(replaced(example(), "81000", "1e300")),
            "probe.json: benchmarks[0].configurations[0].times_ns[1] must be a whole number from 0 on");
  EXPECT_EQ(error_of(replaced(example(), "\"host\"", "\"sun\"")),
            "probe.json: clock must be \"host\", \"device\" or \"modelled\"");
  EXPECT_EQ(error_of(replaced(example(), "\"threads\": 2", "\"threads\": 0")),
            "probe.json: machine.threads must be a whole number from 1 on");
  EXPECT_EQ(error_of(replaced(example(), "512ch x64sp", "256ch x64sp")),
            "probe.json: benchmarks[0] has the label \"256ch x64sp\" twice");
  EXPECT_EQ(error_of(replaced(example(), "[80000, 81000, 82000]", "[]")),
            "probe.json: benchmarks[0].configurations[0] has neither times nor a failure");
}

TEST(Results, KeepNoControlCharacters) {
  const std::string text = replaced(example(), "Example CPU", R"(\u001b[2J\nCPU)");
  EXPECT_EQ(results::parse(text, "x")->machine.cpu, " [2J CPU");
}

TEST(Results, OfAnyTruncationAreRefused) {
  const std::string text = example();
  for (size_t length = 0; length + 2 < text.size(); ++length) {
    EXPECT_FALSE(results::parse(text.substr(0, length), "x")) << length;
  }
}

}  // namespace
}  // namespace anemone::bench
