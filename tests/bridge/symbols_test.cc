// What the shared library exports: the functions that its header declares, which are those of the list that its ABI
// version stands for, and nothing besides.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace anemone {
namespace {

using Names = std::set<std::string>;

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string output_of(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  char buffer[4096];
  while (const size_t bytes = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, bytes);
  return pclose(pipe) == 0 ? output : "";
}

// Every first group of `pattern` in `text`.
Names matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  Names names;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match) {
    names.insert(match->str(1));
  }
  return names;
}

Names listed() { return matches(read(ANEMONE_SOURCE_DIR "/src/bridge/symbols.txt"), "(\\w+)"); }

// Functions and variables, each with the version `@@ANE_BRIDGE_1` where the system has such a thing.
Names exported() {
#ifdef __APPLE__
  return matches(output_of("nm -gU " ANEMONE_BRIDGE), "[0-9a-f]+ [A-Z] _(\\S+)\n");
#else
  return matches(output_of("nm -D --defined-only " ANEMONE_BRIDGE), "[0-9a-f]+ [B-Zu-w] (\\S+)\n");
#endif
}

TEST(BridgeSymbols, HeaderDeclaresWhatIsListed) {
  const std::string header = read(ANEMONE_SOURCE_DIR "/include/anemone/bridge.h");
  EXPECT_EQ(matches(header, "ANE_BRIDGE_API [^;]*?(ane_bridge_\\w+)\\("), listed());
}

TEST(BridgeSymbols, LibraryExportsWhatIsListed) {
  Names expected;
#ifdef __APPLE__
  expected = listed();
#else
  const std::string header = read(ANEMONE_SOURCE_DIR "/include/anemone/bridge.h");
  const Names version = matches(header, "define ANE_BRIDGE_ABI_VERSION (\\d+)");
  ASSERT_EQ(version.size(), 1u);
  for (const std::string& name : listed()) expected.insert(name + "@@ANE_BRIDGE_" + *version.begin());
#endif
  EXPECT_EQ(exported(), expected);
}

// A process may hold another copy, as libsentencepiece does: ours needs none.
TEST(BridgeSymbols, LibraryHasNoProtocolBuffers) {
  const std::string symbols = output_of("nm -D " ANEMONE_BRIDGE);
  ASSERT_THAT(symbols, testing::HasSubstr("ane_bridge_init"));
  EXPECT_THAT(symbols, testing::Not(testing::HasSubstr("protobuf")));
}

}  // namespace
}  // namespace anemone
