// `anemone generate` and `anemone eval` as people run them: output, errors, exit codes.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "model/safetensors.h"
#include "model/weights_file.h"
#include "process.h"

namespace anemone {
namespace {

using cli::Outcome;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

const std::string kData = ANEMONE_SOURCE_DIR "/../shared/data/";
const std::string kModel = " --model " + kData + "stories260K.bin";
const std::string kTokenizer = " --tokenizer " + kData + "tok512.bin";
const std::string kGreedy = " --prompt 'Once upon a time' --temperature 0";

std::string temporary(const std::string& name) { return testing::TempDir() + "anemone_cli_generate_" + name; }

// As a shell takes them; stdout and stderr are files: neither is a terminal.
Outcome run(const std::string& arguments) {
  const std::string folder = temporary("run");
  std::filesystem::create_directories(folder);
  return cli::run({"-c", ANEMONE_BINARY " " + arguments}, folder, "/bin/sh");
}

std::string write(const std::string& name, std::string_view bytes) {
  std::ofstream(temporary(name), std::ios::binary) << bytes;
  return temporary(name);
}

// "--steps" of "--steps -5"
std::string flag_of(const std::string& arguments) { return arguments.substr(0, arguments.find(' ')); }

void expect_error(const std::string& arguments, int code, const std::string& sentence) {
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.code, code) << arguments;
  EXPECT_EQ(outcome.out, "") << arguments;
  EXPECT_THAT(outcome.err, HasSubstr(sentence));
  EXPECT_THAT(outcome.err, MatchesRegex("anemone: [^\n]+\n")) << "one sentence";
}

class CommandTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData + "stories260K.bin")) GTEST_SKIP() << kData << " has no stories260K.bin";
  }
  const nlohmann::json golden_ =
      parse_json(read_text(ANEMONE_SOURCE_DIR "/tests/parity/stories260k.json").value(), "golden").value();
};

using GenerateCommand = CommandTest;
using EvalCommand = CommandTest;

TEST_F(GenerateCommand, PrintsTheTextAlone) {
  const Outcome outcome = run("generate" + kModel + kTokenizer + kGreedy + " --steps 199");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, golden_["greedy_text"].get<std::string>() + "\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(GenerateCommand, By256TokensUnlessTold) {
  const Outcome outcome = run("generate" + kModel + kTokenizer + kGreedy);
  EXPECT_THAT(outcome.out, StartsWith(golden_["greedy_text"].get<std::string>()));
}

TEST_F(GenerateCommand, RunsOnRef) {
  const Outcome outcome = run("generate" + kModel + kTokenizer + kGreedy + " --steps 16 --device ref");
  EXPECT_EQ(outcome.out, "Once upon a time, there was a little girl named Lily. She\n");
}

TEST_F(GenerateCommand, TellsItsSpeedWhenAsked) {
  const Outcome outcome = run("generate" + kModel + kTokenizer + kGreedy + " --steps 16 --verbose");
  EXPECT_THAT(outcome.err, HasSubstr("tokens/s"));
}

// A checkpoint that names its tokenizer, in its own folder.
TEST_F(GenerateCommand, FindsTheTokenizerOfTheCheckpoint) {
  const model::Model model = model::load_model(kData + "stories260K.bin").value();
  const auto save = [&](const std::string& name, model::Metadata metadata) {
    metadata["config"] = model::to_json(model.config);
    EXPECT_TRUE(model::save_safetensors(temporary(name), model::stored_tensors(model.weights), metadata));
    return " --model " + temporary(name);
  };
  std::filesystem::copy_file(kData + "tok512.bin", temporary("tok512.bin"),
                             std::filesystem::copy_options::overwrite_existing);
  const std::string named = save("named.safetensors", {{"tokenizer", "anemone_cli_generate_tok512.bin"}});
  EXPECT_EQ(run("generate" + named + kGreedy + " --steps 9").out, "Once upon a time, there was a little\n");
  const std::string unnamed = save("unnamed.safetensors", {});
  expect_error("generate" + unnamed + kGreedy, 1, "names no tokenizer: give one with --tokenizer");
}

TEST_F(GenerateCommand, RefusesBadFiles) {
  const std::string bytes = read_text(kData + "stories260K.bin").value();
  const std::string cut = " --model " + write("cut.bin", std::string_view(bytes).substr(0, bytes.size() / 2));
  expect_error("generate --model no/such.bin" + kTokenizer, 1, "no/such.bin");
  expect_error("generate" + cut + kTokenizer, 1, "cut.bin");
  expect_error("generate" + kModel + " --tokenizer no/such.model", 1, "no/such.model");
  expect_error("generate" + kModel, 1, "names no tokenizer: give one with --tokenizer");
  expect_error("generate" + kModel + " --tokenizer " + kData + "tokenizer.bin", 1,
               "tokenizer.bin has 32000 tokens, but the model has 512");
}

TEST_F(GenerateCommand, RefusesBadUsage) {
  const std::string right = "generate" + kModel + kTokenizer;
  for (const char* wrong : {"--steps -5", "--steps many", "--temperature -1", "--top-k -3", "--top-p 0", "--top-p 1.5",
                            "--device tpu", "--precision fp8", "--nonsense"}) {
    expect_error(right + " " + wrong, 2, flag_of(wrong));
  }
  expect_error("generate" + kTokenizer, 2, "--model");
}

TEST_F(GenerateCommand, HelpsWithAnExample) {
  for (const char* command : {"generate", "eval"}) {
    const Outcome outcome = run(std::string(command) + " --help");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr(std::string("Example: anemone ") + command));
  }
}

TEST_F(EvalCommand, EqualsPyTorchOnAText) {
  const Outcome outcome =
      run("eval" + kModel + kTokenizer + " --data " + kData + "tinystories_sample.txt --seq 256 --json");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const nlohmann::json json = parse_json(outcome.out, "eval").value();
  EXPECT_NEAR(json["loss"], golden_["loss"], 1e-4);
  EXPECT_NEAR(json["perplexity"], std::exp(golden_["loss"].get<double>()), 1e-3);
  EXPECT_EQ(json["windows"], 194);
  EXPECT_EQ(json["tokens"], 194 * 256);
}

TEST_F(EvalCommand, ReadsTokenFiles) {
  constexpr size_t kTokens = 2 * 256 + 1;
  const std::string all = temporary("all.bin");
  ASSERT_EQ(run("data prepare " + kData + "tinystories_sample.txt" + kTokenizer + " --output " + all).code, 0);
  const std::string two_windows = write("two.bin", read_text(all).value().substr(0, kTokens * sizeof(uint16_t)));
  const auto losses = golden_["first_window_losses"].get<std::vector<double>>();
  for (const char* options : {"", " --weights dynamic --offload full"}) {
    const Outcome outcome = run("eval" + kModel + " --data " + two_windows + " --seq 256" + options);
    EXPECT_THAT(outcome.out, StartsWith(fmt::format("loss {:.4f}", (losses[0] + losses[1]) / 2))) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("(512 tokens in 2 windows of 256)\n"));
  }
}

TEST_F(EvalCommand, RefusesBadData) {
  const std::string eval = "eval" + kModel + " --data ";
  expect_error(eval + "no/such.bin", 1, "no/such.bin");
  expect_error(eval + write("empty.bin", ""), 1, "empty.bin is empty");
  expect_error(eval + write("odd.bin", "abc"), 1, "odd.bin has 3 bytes");
  expect_error(eval + write("range.bin", std::string(2048, '\xff')), 1, "outside the vocabulary of 512");
  expect_error(eval + write("short.bin", std::string(64, '\0')), 1, "holds 32 tokens");
  expect_error(eval + kData + "tinystories_sample.txt", 1, "names no tokenizer");
  expect_error(eval + write("any.bin", std::string(64, '\0')) + " --seq 1024", 1,
               "longer than the model's context of 512");
}

TEST_F(EvalCommand, RefusesBadUsage) {
  const std::string right = "eval" + kModel + " --data any.bin";
  for (const char* wrong : {"--weights wet", "--offload half", "--seq 0", "--batch -2", "--device tpu"}) {
    expect_error(right + " " + wrong, 2, flag_of(wrong));
  }
  expect_error("eval" + kModel, 2, "--data");
}

}  // namespace
}  // namespace anemone
