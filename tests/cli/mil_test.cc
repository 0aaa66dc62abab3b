// `anemone mil` as people run it: output, errors, exit codes.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "mil/npy.h"
#include "mil/package/package.h"
#include "process.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using cli::Outcome;
using mil::DType;
using mil::Tensor;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

// y = softmax(x · w), with w in a weight file, and n = the shape of x.
constexpr std::string_view kProgram = R"(program(1.3)
{
    func main<ios18>(tensor<fp16, [1, 4, 1, 6]> x) {
            tensor<fp16, [3, 4, 1, 1]> w = const()[name = string("w"), val = tensor<fp16, [3, 4, 1, 1]>(BLOBFILE(path = string("@model_path/weights/w.bin"), offset = uint64(64)))];
            tensor<fp16, [1, 3, 1, 6]> h = conv(weight = w, x = x)[name = string("h")];
            tensor<fp16, [1, 3, 1, 6]> y = softmax(axis = int32(-1), x = h)[name = string("softmax")];
            tensor<int32, [1, 4, 1, 6]> n = cast(dtype = string("int32"), x = x)[name = string("n")];
        } -> (y, n);
}
)";

class MilCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / "anemone_mil_command";
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "weights");
    write("p.mil", kProgram);
    mil::BlobWriter writer;
    std::vector<double> values;
    for (int i = 0; i < 12; ++i) values.push_back(0.25 * i - 1);
    ASSERT_TRUE(writer.add(Tensor::from_numbers({DType::fp16, {3, 4, 1, 1}}, values)));
    ASSERT_TRUE(writer.save((folder_ / "weights/w.bin").string()));
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  Outcome run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "mil");
    return cli::run(arguments, folder_.string());
  }
  json run_json(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const Outcome outcome = run(arguments);
    return parse_json(outcome.out, "stdout").value_or(json());
  }
  void expect_error(const std::vector<std::string>& arguments, int code, const std::string& sentence) const {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(sentence));
    EXPECT_THAT(outcome.err, MatchesRegex("anemone: [^\n]+\n")) << "one sentence";
  }

  fs::path folder_;
};

TEST_F(MilCommand, CheckAcceptsWhatIsRight) {
  const Outcome outcome = run({"check", "p.mil"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "p.mil: MIL text; functions 1, errors 0, warnings 0\n");
}

TEST_F(MilCommand, CheckNamesTheEnginesRulesWithPlaceAndSource) {
  const Outcome outcome = run({"check", "p.mil", "--profile", "m4"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("p.mil:7:45: error C14 n: cast: it computes with int32 at run time\n"));
  EXPECT_THAT(outcome.out, HasSubstr("p.mil:6:44: warning C23 softmax: softmax: it runs over 6 elements\n"));
  EXPECT_THAT(outcome.out, HasSubstr("(Espresso; disputed: maderix: 32000 works)"));
  EXPECT_THAT(outcome.err, MatchesRegex("anemone: p.mil breaks [0-9]+ of the engine's rules on m4\n"));
  const json report = run_json({"check", "p.mil", "--profile", "m4"});
  EXPECT_EQ(report["profile"], "m4");
  EXPECT_GT(report["findings"].size(), 2u);
}

TEST_F(MilCommand, CheckMindsSystemPathAndStrictness) {
  const auto count = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"check", "p.mil"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_json(arguments)["errors"].get<int>();
  };
  EXPECT_EQ(count({"--profile", "m4"}), 1) << "int32";
  EXPECT_EQ(count({"--profile", "m4:coreml"}), 0) << "Core ML runs it elsewhere";
  EXPECT_GT(count({"--profile", "m4", "--strict"}), 3);
  const Outcome outcome = run({"check", "p.mil", "--profile", "m4:coreml"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("p.mil: MIL text for m4:coreml; functions 1, errors 0, warnings "));
  expect_error({"check", "p.mil", "--profile", "m4:macos14"}, 2, "there is no engine m4:macos14: write CHIP");
}

TEST_F(MilCommand, WeightFilesAreValidatedByTheSystemThatDoes) {
  std::string bytes = *read_text((folder_ / "weights/w.bin").string());
  bytes.replace(72, 16, std::string("\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0", 16));  // 524288 bytes at 0
  write("weights/w.bin", bytes);
  for (const char* profile : {"m3-ultra:macos15", "m3-ultra"}) {
    const bool validated = std::string_view(profile) == "m3-ultra:macos15";
    const Outcome outcome = run({"check", "p.mil", "--profile", profile});
    EXPECT_THAT(outcome.out, HasSubstr(validated ? "offset 64: error C08" : "offset 64: warning C08")) << profile;
  }
}

TEST_F(MilCommand, RulesListsTheCatalogue) {
  const Outcome outcome = run({"rules"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("C12 (compile, refused): a matmul contracts at most 32768 elements\n"
                                     "    remedy: split the contraction and add the parts\n"
                                     "    where: chips all; systems all; paths all\n"
                                     "    source: 751K (M4, M6)\n"));
  EXPECT_THAT(outcome.out, HasSubstr("S03 (not enforced): "));
  const json all = run_json({"rules"}), m4 = run_json({"rules", "--profile", "m4:macos15"});
  EXPECT_LT(m4.size(), all.size());
  for (const json& rule : m4) {
    EXPECT_THAT(rule["chips"].get<std::vector<std::string>>(), testing::Contains("m4")) << rule;
    EXPECT_THAT(rule["systems"].get<std::vector<std::string>>(), testing::Contains("macos15")) << rule;
  }
}

TEST_F(MilCommand, CheckRefusesWhatIsWrongByLineAndColumn) {
  std::string text(kProgram);
  text.replace(text.find("softmax("), 8, "softmix(");
  write("wrong.mil", text);
  expect_error({"check", "wrong.mil"}, 1, "wrong.mil:6:44: there is no op softmix");
  text = kProgram;
  text.replace(text.find("[1, 3, 1, 6]> h"), 15, "[1, 3, 1, 7]> h");
  write("wrong.mil", text);
  expect_error({"check", "wrong.mil"}, 1, "wrong.mil:5:44: h is declared tensor<fp16, [1, 3, 1, 7]>, but conv gives");
  fs::remove(folder_ / "weights/w.bin");
  expect_error({"check", "p.mil"}, 1, "weights/w.bin");
  expect_error({"check", "none.mil"}, 1, "none.mil");
  expect_error({"check", "p.mil", "--profile", "m9"}, 2, "m9");
  expect_error({"check"}, 2, "FILE");
}

TEST_F(MilCommand, InfoTellsWhatAProgramHoldsAndCosts) {
  const Outcome outcome = run({"info", "p.mil"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("input   tensor<fp16, [1, 4, 1, 6]> x"), HasSubstr("conv 1"),
                                 HasSubstr("144 of products"), HasSubstr("12 in 24 bytes of weight files")));
  const json report = run_json({"info", "p.mil"});
  EXPECT_EQ(report["functions"][0]["product_flops"], 144);
  EXPECT_EQ(report["functions"][0]["bytes"]["inputs"], 48);
}

TEST_F(MilCommand, PrintWritesTheTextAgain) {
  const Outcome outcome = run({"print", "p.mil"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, kProgram);
}

TEST_F(MilCommand, ConvertGoesBothWaysWithTheWeights) {
  for (const std::string between : {"p.mlpackage", "q.mlmodel"}) {
    ASSERT_EQ(run({"convert", "p.mil", between}).code, 0) << between;
    ASSERT_EQ(run({"convert", between, "back.mil"}).code, 0) << between;
    const mil::LoadedModel before = *mil::read_model((folder_ / "p.mil").string());
    const mil::LoadedModel after = *mil::read_model((folder_ / "back.mil").string());
    const auto weight = [](const mil::LoadedModel& file) {
      const mil::ValueInfo& w =
          file.model.program.functions[0].value(file.model.program.functions[0].operations[0].results[0]);
      return *file.weights.find(*w.blob, w.type);
    };
    EXPECT_EQ(weight(before), weight(after));
    const Outcome run_before = run({"run", "p.mil", "--input", "x=random:3", "--output", "a"});
    const Outcome run_after = run({"run", between, "--input", "x=random:3", "--output", "b"});
    ASSERT_EQ(run_before.code + run_after.code, 0) << run_before.err << run_after.err;
    EXPECT_EQ(*read_text((folder_ / "a/y.npy").string()), *read_text((folder_ / "b/y.npy").string()));
  }
  expect_error({"convert", "p.mil", "p.onnx"}, 1, "p.onnx: the extension tells the format");
}

TEST_F(MilCommand, RunWritesOutputsInTheirTypesAndCompares) {
  const std::vector<double> values{0.5, 1, -2.75, 4, 5, 6, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, -1, -1, -1, -1, -1, -1};
  ASSERT_TRUE(mil::write_npy((folder_ / "x.npy").string(), Tensor::from_numbers({DType::fp16, {1, 4, 1, 6}}, values)));
  const json report = run_json({"run", "p.mil", "--device", "cpu", "--input", "x=x.npy", "--output", "out", "--repeat",
                                "3", "--compare", "ref"});
  EXPECT_EQ(report["repeat"], 3);
  EXPECT_TRUE(report["device_ms"].is_null());
  EXPECT_LT(report["outputs"][0]["difference"]["largest"].get<double>(), 2e-3);
  EXPECT_EQ(report["outputs"][1]["difference"]["elements"], 0);
  const Tensor n = *mil::read_npy((folder_ / "out/n.npy").string());
  EXPECT_EQ(n.type(), (mil::TensorType{DType::int32, {1, 4, 1, 6}}));
  EXPECT_EQ(n.number(2), -2);
  EXPECT_EQ(mil::read_npy((folder_ / "out/y.npy").string())->type().dtype, DType::fp16);
}

TEST_F(MilCommand, RunTakesInputsInEachWay) {
  for (const char* input : {"*=zeros", "x=const:1.5", "*=random:7"}) {
    const Outcome outcome = run({"run", "p.mil", "--input", input, "--device", "ref"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("function main on ref, runs 1"));
  }
  expect_error({"run", "p.mil"}, 1, "input x (tensor<fp16, [1, 4, 1, 6]>) is not given");
  expect_error({"run", "p.mil", "--input", "z=zeros"}, 1, "function main has no such input");
  expect_error({"run", "p.mil", "--input", "x=ones"}, 1, "ones is none of FILE.npy");
  expect_error({"run", "p.mil", "--input", "x=const:a"}, 1, "a is no number");
  expect_error({"run", "p.mil", "--input", "x"}, 1, "--input x: write NAME=");
  expect_error({"run", "p.mil", "--input", "x=none.npy"}, 1, "none.npy");
  expect_error({"run", "p.mil", "--input", "*=zeros", "--device", "gpu"}, 2, "gpu");
  expect_error({"run", "p.mil", "--input", "*=zeros", "--function", "other"}, 1, "there is no function other");
  write("short.npy", "not npy");
  expect_error({"run", "p.mil", "--input", "x=short.npy"}, 1, "short.npy");
}

TEST_F(MilCommand, RunBindsOpenDimensions) {
  write(
      "open.mil",
      "program(1.3)\n{ func main<ios18>(tensor<fp32, [?, 3]> x) { tensor<fp32, [?, 3]> y = square(x = x); } -> (y); }");
  ASSERT_TRUE(mil::write_npy((folder_ / "x.npy").string(),
                             Tensor::from_numbers({DType::fp32, {2, 3}}, std::vector<double>{1, 2, 3, 4, 5, 6})));
  ASSERT_EQ(run({"run", "open.mil", "--input", "x=x.npy", "--output", "out", "--device", "ref"}).code, 0);
  EXPECT_THAT(mil::read_npy((folder_ / "out/y.npy").string())->numbers(), ElementsAre(1, 4, 9, 16, 25, 36));
  EXPECT_EQ(run({"run", "open.mil", "--input", "x=random:1", "--shape", "x=5,3"}).code, 0);
  expect_error({"run", "open.mil", "--input", "x=random:1"}, 1, "give its shape with --shape x=1,2,3");
  expect_error({"run", "open.mil", "--input", "x=random:1", "--shape", "x=5,4"}, 1, "was given the shape [5, 4]");
}

TEST_F(MilCommand, RunRefusesWhatNoMemoryHolds) {
  write("huge.mil",
        "program(1.3)\n{ func main<ios18>(tensor<fp32, [2000000000, 1000]> x) { tensor<fp32, [2000000000, 1000]> y = "
        "relu(x = x); } -> (y); }");
  expect_error({"run", "huge.mil", "--input", "*=zeros"}, 1, "of this machine's memory hold");
}

TEST_F(MilCommand, RunTakesTheShapesThatAPackageNames) {
  const std::string flexible = ANEMONE_SOURCE_DIR "/tests/golden/package/flexible17.mlpackage";
  const json report = run_json({"run", flexible, "--input", "*=random:1", "--compare", "ref"});
  EXPECT_EQ(report["outputs"][0]["difference"]["elements"], 0);
}

TEST_F(MilCommand, ACompiledFolderIsAProgramToo) {
  fs::create_directories(folder_ / "p.mlmodelc/weights");
  fs::copy(folder_ / "p.mil", folder_ / "p.mlmodelc/model.mil");
  fs::copy(folder_ / "weights/w.bin", folder_ / "p.mlmodelc/weights/w.bin");
  const Outcome outcome = run({"check", "p.mlmodelc"});
  EXPECT_EQ(outcome.out, "p.mlmodelc: compiled model; functions 1, errors 0, warnings 0\n");
  fs::create_directories(folder_ / "pipeline.mlmodelc/model0");
  expect_error({"check", "pipeline.mlmodelc"}, 1, "is a pipeline: give one of its models, pipeline.mlmodelc/model0");
}

TEST(MilOps, ThePageIsUpToDate) {
  const Outcome outcome = cli::run({"mil", "ops"}, testing::TempDir());
  EXPECT_EQ(outcome.out, *read_text(ANEMONE_SOURCE_DIR "/docs/ops.md"))
      << "write it anew: build/release/bin/anemone mil ops > docs/ops.md";
}

}  // namespace
}  // namespace anemone
