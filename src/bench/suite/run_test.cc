#include "bench/suite/run.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "base/half.h"
#include "bench/suite/packages.h"
#include "bench/suite/report.h"
#include "mil/package/package.h"

namespace anemone::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// ---- the suite as data, against the seed's own figures

const Benchmark& benchmark(std::string_view name) { return *std::ranges::find(suite(), name, &Benchmark::name); }

TEST(Suite, HasTheSeedsConfigurationsAndRuns) {
  std::vector<std::tuple<std::string, size_t, int64_t, int64_t>> counts;
  for (const Benchmark& b : suite()) counts.emplace_back(b.name, b.configurations.size(), b.warmups, b.runs);
  EXPECT_THAT(counts, ElementsAre(std::tuple("inmem_peak", 10, 10, 50), std::tuple("inmem_basic", 1, 10, 100),
                                  std::tuple("inmem_bench", 6, 5, 50), std::tuple("sram_bench", 9, 5, 30),
                                  std::tuple("sram_probe", 13, 5, 50), std::tuple("int8", 10, 10, 50)));
}

// 32x conv 512ch sp64 has 16.0 MB and 1.07 GFLOP in the seed's table, 64x twice that.
TEST(Suite, CountsAsTheSeedDoes) {
  const Configuration& first = benchmark("inmem_peak").configurations[0];
  const Configuration& third = benchmark("inmem_peak").configurations[2];
  EXPECT_EQ(first.label, "32x conv 512ch sp64");
  EXPECT_EQ(first.chain.weight_bytes(), 16 << 20);
  EXPECT_NEAR(first.chain.flop(), 1.07e9, 0.005e9);
  EXPECT_NEAR(third.chain.flop(), 2.15e9, 0.005e9);
  const Chain& w8a8 = benchmark("int8").configurations[1].chain;
  EXPECT_NEAR(w8a8.flop(), 274.9e9, 0.1e9);  // 2·512²·64²·128
  EXPECT_EQ(w8a8.weight_bytes(), 512 * 512 * 128);
}

TEST(Suite, LabelsAreUnique) {
  for (const Benchmark& b : suite()) {
    std::set<std::string> labels;
    for (const Configuration& c : b.configurations) EXPECT_TRUE(labels.insert(c.label).second) << c.label;
  }
}

// ---- chains that tests can afford

Chain small(Form form, int64_t depth) {
  return {.channels = 32, .height = 2, .width = 32, .depth = depth, .form = form, .boundary = mil::DType::fp16};
}

Benchmark tiny(std::vector<Configuration> configurations) {
  return {.name = "int8",
          .title = "a test",
          .warmups = 1,
          .runs = 3,
          .columns = {Column::weights, Column::milliseconds, Column::speedup},
          .configurations = std::move(configurations)};
}

BenchmarkResult run(const std::string& device_name, Precision precision, const Benchmark& benchmark,
                    RunOptions options = {}) {
  const auto device = open_device(device_name, {.precision = precision});
  options.precision = precision;
  return SuiteRun(**device, options).measure(benchmark, [](const std::string&) {});
}

TEST(SuiteRun, ChecksAndTimesOnEveryDevice) {
  const Benchmark b = tiny({{"FP16", small(Form::fp16, 40)}, {"W8A8", small(Form::w8a8, 40)}});
  const std::pair<const char*, Precision> devices[] = {{"cpu", Precision::fp32},    {"cpu", Precision::bf16},
                                                       {"cpu", Precision::fp16},    {"ref", Precision::fp32},
                                                       {"sim:m4", Precision::fp16}, {"sim:m1", Precision::fp16}};
  for (const auto& [name, precision] : devices) {
    const BenchmarkResult result = run(name, precision, b);
    ASSERT_EQ(result.outcomes.size(), 2);
    for (const Outcome& outcome : result.outcomes) {
      ASSERT_FALSE(outcome.failure) << name << ": " << outcome.failure->reason;
      EXPECT_TRUE(outcome.checked->passed());
      EXPECT_LT(outcome.checked->tolerance, 0.7) << "a result of zeros would pass";
      EXPECT_EQ(outcome.times.size(), is_simulated(name) ? 1 : 3) << name;
      EXPECT_EQ(outcome.library_seconds.has_value(), std::string_view(name) == "cpu");
    }
    EXPECT_FALSE(result.speedup(result.outcomes[0]));
    EXPECT_GT(*result.speedup(result.outcomes[1]), 0);
  }
}

TEST(SuiteRun, RunsAsOftenAsAskedAndOnlyWhatIsAsked) {
  const Benchmark b = tiny({{"one", small(Form::fp16, 1)}, {"two", small(Form::fp16, 2)}});
  const auto result = run("sim:m4", Precision::fp16, b, {.only = "tw", .runs = 4, .warmups = 2});
  ASSERT_EQ(result.outcomes.size(), 1);
  EXPECT_EQ(result.outcomes[0].warmups, 2);
  EXPECT_EQ(result.outcomes[0].times.size(), 4);
  EXPECT_EQ(std::set(result.outcomes[0].times.begin(), result.outcomes[0].times.end()).size(), 1)
      << "the first run of all wakes the engine and must not count";
}

// The M4's compiler takes 383 layers and no more; as sources disagree, only --strict enforces it.
TEST(SuiteRun, GoesOnAfterAFailureAndSaysWhy) {
  const auto device = open_device("sim:m4", {.strict = true});
  SuiteRun run(**device, {.precision = Precision::fp16});
  const Chain wide{.channels = 32, .width = 1024, .depth = 32, .boundary = mil::DType::fp16};  // as --strict asks
  const Benchmark b = tiny({{"too deep", small(Form::fp16, 384)}, {"after it", wide}});
  const BenchmarkResult result = run.measure(b, [](const std::string&) {});
  ASSERT_TRUE(result.outcomes[0].failure);
  EXPECT_EQ(result.outcomes[0].failure->stage, Stage::compile);
  EXPECT_THAT(result.outcomes[0].failure->reason, HasSubstr("383"));
  EXPECT_TRUE(result.outcomes[0].times.empty());
  EXPECT_FALSE(result.outcomes[1].failure) << result.outcomes[1].failure->reason;
  EXPECT_EQ(result.failures(), 1);
  EXPECT_THAT(to_text(SuiteReport(run), result), testing::ContainsRegex("too deep +0.8  FAIL\\(compile: .*383"));
}

// ---- the check

class Broken final : public Device {
 public:
  explicit Broken(std::function<void(std::span<Half>)> spoil) : spoil_(std::move(spoil)) {}
  DeviceInfo info() const override { return {.name = "broken", .description = "ref, and a fault"}; }
  std::vector<Fact> facts() const override { return ref_->facts(); }
  Result<std::unique_ptr<Surface>> allocate(size_t bytes) override { return ref_->allocate(bytes); }
  Result<std::unique_ptr<Program>> compile(const mil::Function& function, const mil::Weights& weights) override;

 private:
  std::function<void(std::span<Half>)> spoil_;
  std::unique_ptr<Device> ref_ = *open_device("ref", {.precision = Precision::fp16});
};

struct BrokenRequest final : Request {
  Result<RunTime> run() override {
    const RunTime time = TRY(right->run());
    const Map map = output->map(Access::write);
    spoil(map.as<Half>());
    return time;
  }
  std::unique_ptr<Request> right;
  Surface* output = nullptr;
  std::function<void(std::span<Half>)> spoil;
};

struct BrokenProgram final : Program {
  const Signature& signature() const override { return right->signature(); }
  Result<std::unique_ptr<Request>> bind(const std::vector<Surface*>& inputs, const std::vector<Surface*>& outputs,
                                        const RequestOptions& options) const override {
    auto request = std::make_unique<BrokenRequest>();
    request->right = TRY(right->bind(inputs, outputs, options));
    request->output = outputs[0];
    request->spoil = spoil;
    return request;
  }
  std::unique_ptr<Program> right;
  std::function<void(std::span<Half>)> spoil;
};

Result<std::unique_ptr<Program>> Broken::compile(const mil::Function& function, const mil::Weights& weights) {
  auto program = std::make_unique<BrokenProgram>();
  program->right = TRY(ref_->compile(function, weights));
  program->spoil = spoil_;
  return program;
}

Outcome run_broken(Form form, std::function<void(std::span<Half>)> spoil) {
  Broken device(std::move(spoil));
  const Benchmark b = tiny({{"broken", small(form, 8)}});
  return SuiteRun(device, {.precision = Precision::fp16}).measure(b, [](const std::string&) {}).outcomes[0];
}

TEST(Check, PassesWhatIsRight) {
  for (const Form form : {Form::fp16, Form::w8a8}) EXPECT_FALSE(run_broken(form, [](std::span<Half>) {}).failure);
}

TEST(Check, SaysWhereAndByHowMuchAResultIsWrong) {
  const Outcome outcome = run_broken(Form::fp16, [](std::span<Half> y) { y[5 * 64 + 17] = Half::from(100); });
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->stage, Stage::check);
  EXPECT_THAT(outcome.failure->reason, HasSubstr("channel 5 of pixel 17 is 100, expected "));
  EXPECT_TRUE(outcome.times.empty());
}

TEST(Check, SeesZerosNaNsSwappedBlocksAndSwappedChannels) {
  const std::pair<const char*, std::function<void(std::span<Half>)>> faults[] = {
      {"zeros", [](std::span<Half> y) { std::ranges::fill(y, Half{}); }},
      {"a NaN", [](std::span<Half> y) { y[0].bits = 0x7E00; }},
      {"two blocks of pixels", [](std::span<Half> y) { std::swap_ranges(y.begin(), y.begin() + 16, y.begin() + 16); }},
      {"two channels", [](std::span<Half> y) { std::swap_ranges(y.begin(), y.begin() + 64, y.begin() + 64); }},
      {"the last pixel missing", [](std::span<Half> y) { y[31 * 64 + 63] = Half{}; }}};
  for (const auto& [name, spoil] : faults) {
    for (const Form form : {Form::fp16, Form::w8a8}) {
      const Outcome outcome = run_broken(form, spoil);
      ASSERT_TRUE(outcome.failure) << name << " in " << to_string(form);
      EXPECT_EQ(outcome.failure->stage, Stage::check);
    }
  }
}

// ---- packages

TEST(Packages, BringBackTheSameProgramAndWeights) {
  const Chain chain = small(Form::fp16, 3);
  const mil::Weights weights = chain_weights(chain, 7);
  const auto program = through_package(chain, weights);
  ASSERT_TRUE(program) << program.error().message;
  const Benchmark b = tiny({{"from a package", chain, true}});
  EXPECT_FALSE(run("cpu", Precision::fp32, b).outcomes[0].failure);
}

TEST(Packages, AreNamedAsTheSeedsProgramsReadThem) {
  const std::string folder = testing::TempDir() + "anemone_packages/new";
  std::vector<std::string> paths;
  const auto written = [&](const std::string& path) { paths.push_back(path); };
  ASSERT_TRUE(write_packages(folder, "_256ch", written));
  EXPECT_THAT(paths, ElementsAre(folder + "/ane_sram_256ch_64sp.mlpackage"));
  const auto model = mil::read_model(paths[0]);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->model.program.functions[0].value(0).type.shape, (mil::Shape{1, 256, 1, 64}));
  ASSERT_TRUE(write_packages(folder, "_256ch", written)) << "what stands there is replaced";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1) << "nothing else is left";
}

TEST(Packages, SayWhereTheyCannotBeWritten) {
  const auto result = write_packages("/dev/null/packages", "", [](const std::string&) {});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("/dev/null/packages"));
}

// ---- the report

TEST(SuiteReport, TellsThePercentOfThePeakInPercent) {
  const auto device = open_device("sim:m4");
  SuiteRun run(**device, {.precision = Precision::fp16, .only = "256x"});
  const BenchmarkResult result = run.measure(benchmark("inmem_peak"), [](const std::string&) {});
  const SuiteReport report(run);
  const Outcome& outcome = result.outcomes[0];
  ASSERT_FALSE(outcome.failure) << outcome.failure->reason;
  EXPECT_EQ(report.clock, Clock::modelled);
  EXPECT_EQ(report.peak_source, PeakSource::stated);
  EXPECT_NEAR(*report.percent_of_peak(outcome),
              100 * outcome.configuration.chain.flop() / (static_cast<double>(outcome.times[0]) * 1e-9) / 19.4e12, 0.5);
  EXPECT_GT(*report.percent_of_peak(outcome), 1);
  EXPECT_LE(*report.percent_of_peak(outcome), 100);
}

}  // namespace
}  // namespace anemone::bench
