// The floors of ARCHITECTURE.md, checked on the sources: who includes whom, who may print, how long a file may be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace anemone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr size_t kMostLines = 600;

struct Floor {
  std::string_view folder;
  int level;
};

// A floor includes itself and the lower levels. Floors of one level are blind to each other.
constexpr std::array kFloors = {
    Floor{"base", 0},   Floor{"mil", 1},      Floor{"device", 2}, Floor{"model", 3}, Floor{"text", 4},       //
    Floor{"train", 5},  Floor{"generate", 5}, Floor{"bench", 5},  Floor{"probe", 5}, Floor{"dashboard", 6},  //
    Floor{"bridge", 6}, Floor{"cli", 7},
};

// What one floor may include of its own level: benchmarks time training and generation.
struct Exception {
  std::string_view from, to;
};
constexpr std::array kExceptions = {Exception{"bench", "train"}, Exception{"bench", "generate"}};

// The devices, side by side in src/device; the files of src/device itself know them all.
constexpr std::array<std::string_view, 4> kDevices = {"cpu", "sim", "ane", "ref"};

struct Source {
  std::string path;  // from src/: "base/half.cc"
  std::string text;
};

std::string_view first_folder(std::string_view path) {
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

// "cpu" of "device/cpu/plan.h"; empty outside the devices.
std::string_view device_of(std::string_view path) {
  if (first_folder(path) != "device") return {};
  const std::string_view name = first_folder(path.substr(std::string_view("device/").size()));
  return std::ranges::count(kDevices, name) ? name : std::string_view{};
}

const Floor* floor_of(std::string_view path) {
  const auto* found = std::ranges::find(kFloors, first_folder(path), &Floor::folder);
  return found == kFloors.end() ? nullptr : found;
}

bool is_exception(const Floor& from, const Floor& to) {
  return std::ranges::any_of(kExceptions,
                             [&](const Exception& e) { return e.from == from.folder && e.to == to.folder; });
}

// Why a file at `path` may not include `included`; empty if it may.
std::string include_violation(std::string_view path, std::string_view included) {
  const Floor* from = floor_of(path);
  const Floor* to = floor_of(included);
  if (!from) return "stands on no floor";
  if (!to) return "includes \"" + std::string(included) + "\", which is not rooted at a floor";
  const bool visible = to == from || to->level < from->level || is_exception(*from, *to);
  if (!visible) return "includes \"" + std::string(included) + "\", which its floor must not know";
  const std::string_view own = device_of(path);
  const std::string_view other = device_of(included);
  if (!own.empty() && !other.empty() && own != other) {
    return "includes \"" + std::string(included) + "\", another device";
  }
  return {};
}

// The path of an `#include "path"` line, else empty.
std::string_view quoted_include(std::string_view line) {
  constexpr std::string_view kDirective = "#include \"";
  if (!line.starts_with(kDirective)) return {};
  line.remove_prefix(kDirective.size());
  return line.substr(0, line.find('"'));
}

// The line without its comment and without what its string literals say.
std::string code_of(std::string_view line) {
  std::string code;
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (quoted && line[i] == '\\') {
      ++i;
      continue;
    }
    if (line[i] == '"') quoted = !quoted;
    if (quoted) continue;
    if (line.substr(i).starts_with("//")) break;
    code += line[i];
  }
  return code;
}

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Whether `code` has the whole word `name`, not as a member of something.
bool mentions(std::string_view code, std::string_view name) {
  for (size_t at = code.find(name); at != std::string_view::npos; at = code.find(name, at + 1)) {
    const char before = at == 0 ? ' ' : code[at - 1];
    const size_t end = at + name.size();
    const bool whole = !in_word(before) && (end == code.size() || !in_word(code[end]));
    if (whole && before != '.' && before != '>') return true;
  }
  return false;
}

bool calls(std::string_view code, std::string_view function) {
  for (size_t at = code.find(function); at != std::string_view::npos; at = code.find(function, at + 1)) {
    const size_t end = at + function.size();
    if (end < code.size() && code[end] == '(' && mentions(code.substr(0, end), function)) return true;
  }
  return false;
}

bool prints(std::string_view code) {
  constexpr std::array<std::string_view, 5> kStreams = {"cout", "cerr", "clog", "stdout", "stderr"};
  constexpr std::array<std::string_view, 5> kFunctions = {"printf", "puts", "putchar", "fmt::print", "std::print"};
  return std::ranges::any_of(kStreams, [&](std::string_view name) { return mentions(code, name); }) ||
         std::ranges::any_of(kFunctions, [&](std::string_view name) { return calls(code, name); });
}

bool exits(std::string_view code) {
  constexpr std::array<std::string_view, 4> kFunctions = {"exit", "_exit", "_Exit", "quick_exit"};
  return std::ranges::any_of(kFunctions, [&](std::string_view name) { return calls(code, name); });
}

// A broken invariant is the one thing that the library says by itself.
bool may_print(std::string_view path) { return first_folder(path) == "cli" || path == "base/check.h"; }

// One sentence for each rule that a line of the file breaks, "path:line: what".
std::vector<std::string> violations(const Source& source) {
  std::vector<std::string> found;
  size_t number = 0;
  const auto report = [&](std::string_view what) {
    found.push_back(source.path + ":" + std::to_string(number) + ": " + std::string(what));
  };
  const bool is_test = source.path.ends_with("_test.cc");
  std::istringstream lines(source.text);
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (const std::string_view included = quoted_include(line); !included.empty()) {
      if (const std::string what = include_violation(source.path, included); !what.empty()) report(what);
    }
    if (is_test) continue;
    const std::string code = code_of(line);
    if (prints(code) && !may_print(source.path)) report("prints; only the command line speaks");
    if (exits(code)) report("exits; errors are passed up");
  }
  if (number > kMostLines) report("is longer than " + std::to_string(kMostLines) + " lines");
  return found;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Source> sources_under(const std::filesystem::path& root) {
  std::vector<Source> sources;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h" && extension != ".cc") continue;
    sources.push_back({entry.path().lexically_relative(root).generic_string(), read(entry.path())});
  }
  return sources;
}

TEST(Floors, SourcesKeepTheRules) {
  const std::vector<Source> sources = sources_under(ANEMONE_SOURCE_DIR "/src");
  ASSERT_FALSE(sources.empty());
  std::string found;
  for (const Source& source : sources) {
    for (const std::string& violation : violations(source)) found += "src/" + violation + "\n";
  }
  EXPECT_EQ(found, "");
}

TEST(Floors, LowerFloorsMayBeIncluded) {
  EXPECT_THAT(violations({"model/kernel.cc", "#include \"model/kernel.h\"\n#include \"mil/builder.h\"\n"}), IsEmpty());
  EXPECT_THAT(violations({"bench/train.cc", "#include \"train/step.h\"\n#include <fmt/core.h>\n"}), IsEmpty());
}

TEST(Floors, HigherFloorsMayNot) {
  EXPECT_THAT(violations({"mil/op.cc", "#include <string>\n#include \"device/device.h\"\n"}),
              ElementsAre("mil/op.cc:2: includes \"device/device.h\", which its floor must not know"));
}

TEST(Floors, NeighboursAreBlindToEachOther) {
  EXPECT_THAT(violations({"train/step.cc", "#include \"generate/decode.h\""}), ElementsAre(HasSubstr("must not know")));
  EXPECT_THAT(violations({"generate/a.cc", "#include \"train/step.h\""}), ElementsAre(HasSubstr("must not know")));
  EXPECT_THAT(violations({"probe/a.cc", "#include \"bench/clock.h\""}), ElementsAre(HasSubstr("must not know")));
}

TEST(Floors, DevicesAreBlindToEachOther) {
  EXPECT_THAT(violations({"device/cpu/plan.cc", "#include \"device/ref/ref.h\""}),
              ElementsAre(HasSubstr("another device")));
  EXPECT_THAT(violations({"device/cpu/plan.cc", "#include \"device/cpu/plan.h\"\n#include \"device/device.h\""}),
              IsEmpty());
  EXPECT_THAT(violations({"device/open.cc", "#include \"device/cpu/cpu.h\"\n#include \"device/ref/ref.h\""}),
              IsEmpty());
}

TEST(Floors, IncludesAreRootedAtAFloor) {
  EXPECT_THAT(violations({"base/half.cc", "#include \"half.h\""}), ElementsAre(HasSubstr("not rooted")));
  EXPECT_THAT(violations({"extras/half.cc", "#include \"base/half.h\""}), ElementsAre(HasSubstr("no floor")));
}

TEST(Floors, OnlyTheCommandLinePrints) {
  for (const char* line : {"std::cout << 1;", "printf(\"\");", "fmt::print(\"\");", "std::fprintf(stderr, \"\");"}) {
    EXPECT_THAT(violations({"train/log.cc", line}), ElementsAre(HasSubstr("prints"))) << line;
    EXPECT_THAT(violations({"cli/train.cc", line}), IsEmpty()) << line;
    EXPECT_THAT(violations({"train/log_test.cc", line}), IsEmpty()) << line;
  }
  for (const char* line : {"// printf(x)", "log(\"printf(\\\"x\\\")\");", "snprintf(b, 9, f);", "mil::print(f);"}) {
    EXPECT_THAT(violations({"train/log.cc", line}), IsEmpty()) << line;
  }
}

TEST(Floors, NothingExits) {
  for (const char* line : {"exit(1);", "std::exit(1);", "if (x) ::_exit(2);", "std::quick_exit(0);"}) {
    EXPECT_THAT(violations({"cli/train.cc", line}), ElementsAre(HasSubstr("exits"))) << line;
  }
  EXPECT_THAT(violations({"cli/main.cc", "return app.exit(help);  // exit(0)\natexit(f);"}), IsEmpty());
}

TEST(Floors, FilesAreShort) {
  std::string text;
  for (size_t i = 0; i < kMostLines; ++i) text += "\n";
  EXPECT_THAT(violations({"base/long.cc", text}), IsEmpty());
  EXPECT_THAT(violations({"base/long.cc", text + "\n"}), ElementsAre(HasSubstr("longer than 600 lines")));
}

}  // namespace
}  // namespace anemone
