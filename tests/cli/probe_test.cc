// Probes as people run them; src/probe tests what they find.
#include <gmock/gmock.h>

#include <fstream>

#include "json_schema.h"
#include "process.h"

namespace anemone::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kSchema = ANEMONE_SOURCE_DIR "/docs/anemone-probe-1.schema.json";

Outcome probe(Arguments arguments) {
  arguments.insert(arguments.begin(), "probe");
  return run(arguments, testing::TempDir());
}

std::string answers_of(const std::string& name, const std::string& device, const std::string& file) {
  const Outcome outcome = probe({name, "--device", device, "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const std::string path = testing::TempDir() + file;
  std::ofstream(path) << outcome.out;
  return path;
}

TEST(ProbeCommand, AsksByItsNameAndByTheSeeds) {
  for (const char* name : {"weight_reload", "test_weight_reload"}) {
    const Outcome outcome = probe({name, "--device", "sim:m5"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("Do rewritten weights change what a loaded program computes?"));
    EXPECT_THAT(outcome.out, HasSubstr("weights rewritten to 3I change the result: no"));
    EXPECT_THAT(outcome.out, HasSubstr("published of M5: no (maderix)"));
    EXPECT_THAT(outcome.out, HasSubstr("weight_reload: pass"));
  }
}

TEST(ProbeCommand, TellsWhereADeviceAnswersOtherwiseAndDoesNotFail) {
  const Outcome outcome = probe({"weight_reload"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("differs     weights rewritten to 3I change the result: yes, to 3 times"));
}

TEST(ProbeCommand, WritesWhatItsSchemaAsks) {
  for (const char* name : {"api", "qos_sweep", "rmsnorm_bwd", "fused_qkv"}) {
    const Outcome outcome = probe({name, "--device", "sim:m4", "--json"});
    EXPECT_EQ(schema_errors(json::parse(outcome.out), kSchema), "") << name;
  }
}

TEST(ProbeCommand, SetsFilesSideBySide) {
  const std::string cpu = answers_of("weight_reload", "cpu", "probe_cpu.json");
  const std::string m5 = answers_of("weight_reload", "sim:m5", "probe_m5.json");
  const Outcome table = probe({"report", cpu, m5});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("≠ weights rewritten to 3I change the result"));
  EXPECT_THAT(table.out, HasSubstr("M5         published   no (maderix)"));
  EXPECT_THAT(table.out, HasSubstr("1 answers differ"));
  const json as_json = json::parse(probe({"report", cpu, m5, "--json"}).out);
  EXPECT_EQ(as_json["differences"], 1);
}

// Of two devices that are both faster with one dispatch, by how much is no difference.
TEST(ProbeCommand, ShowsFiguresBesideAnswersAndComparesTheseAlone) {
  const std::string m4 = answers_of("fused_qkv", "sim:m4", "probe_m4.json");
  const std::string m5 = answers_of("fused_qkv", "sim:m5", "probe_m5.json");
  const Outcome table = probe({"report", m4, m5});
  EXPECT_THAT(table.out, HasSubstr("  one dispatch is faster than three\n"));
  EXPECT_THAT(table.out, HasSubstr("times as fast)"));
  EXPECT_THAT(table.out, HasSubstr("0 answers differ"));
}

TEST(ProbeCommand, SaysInASentenceWhatIsWrong) {
  EXPECT_THAT(probe({"report", "nowhere.json"}).err, HasSubstr("nowhere.json"));
  const std::string path = testing::TempDir() + "no_probe.json";
  std::ofstream(path) << "{}";
  const Outcome outcome = probe({"report", path});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("holds no answers of probes"));
  const Outcome engine = probe({"api", "--device", "ane"});
  EXPECT_EQ(engine.code, 1);
  EXPECT_THAT(engine.err, HasSubstr("the Neural Engine cannot be driven here"));
  EXPECT_EQ(probe({"telepathy"}).code, 2);
  EXPECT_EQ(probe({"api", "--device", "sim:m9"}).code, 2);
}

}  // namespace
}  // namespace anemone::cli
