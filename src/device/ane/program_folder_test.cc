#include "device/ane/program_folder.h"

#include <gmock/gmock.h>

#include <set>

#include "base/file.h"

namespace anemone::ane {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ProgramFoldersTest : public testing::Test {
 protected:
  ProgramFoldersTest() {
    std::string pattern = testing::TempDir() + "folders_XXXXXX";
    below_ = mkdtemp(pattern.data());
  }
  ~ProgramFoldersTest() override { fs::remove_all(below_); }

  std::vector<FolderFile> files() const { return {{"model.mil", std::as_bytes(std::span(text_))}}; }
  size_t entries() const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(below_)) count += entry.path().extension() == ".lock" ? 0 : 1;
    return count;
  }

  std::string text_ = "program";
  fs::path below_;
};

TEST_F(ProgramFoldersTest, LayOutAndTakeAway) {
  auto folders = ProgramFolders::open(below_).value();
  auto folder = folders->create("AB12", files()).value();
  EXPECT_EQ(read_text((below_ / "AB12" / "model.mil").string()).value(), "program");
  auto again = folders->create("AB12", files()).value();
  EXPECT_EQ(folder, again);
  folder.reset();
  EXPECT_TRUE(fs::exists(below_ / "AB12"));
  again.reset();
  EXPECT_FALSE(fs::exists(below_ / "AB12"));
  folders.reset();
  EXPECT_EQ(entries(), 0U);
}

TEST_F(ProgramFoldersTest, KeepAFolderThatAnotherUses) {
  auto ours = ProgramFolders::open(below_).value(), theirs = ProgramFolders::open(below_).value();
  auto one = ours->create("AB12", files()).value(), other = theirs->create("AB12", files()).value();
  one.reset();
  EXPECT_TRUE(fs::exists(below_ / "AB12" / "model.mil"));
  other.reset();
  EXPECT_FALSE(fs::exists(below_ / "AB12"));
}

TEST_F(ProgramFoldersTest, TakeNamesThatLeadNowhereElse) {
  auto folders = ProgramFolders::open(below_).value();
  for (const char* name : {"", "..", "a/b", "/tmp"}) {
    EXPECT_THAT(folders->create(name, files()).error().message, HasSubstr("cannot be a folder's name"));
  }
}

TEST_F(ProgramFoldersTest, RemoveOnlyWhatTheDeadLeft) {
  fs::create_directories(below_ / "anemone-ane-dead00");
  for (const char* name : {"AA", "BB"}) {
    fs::create_directories(below_ / name);
    std::fclose(std::fopen((below_ / "anemone-ane-dead00" / name).c_str(), "w"));
  }
  fs::create_directories(below_ / "CC");
  auto living = ProgramFolders::open(below_).value();
  EXPECT_FALSE(fs::exists(below_ / "AA"));
  EXPECT_FALSE(fs::exists(below_ / "anemone-ane-dead00"));
  EXPECT_TRUE(fs::exists(below_ / "CC"));
  auto folder = living->create("BB", files()).value();
  ProgramFolders::open(below_).value();
  EXPECT_TRUE(fs::exists(below_ / "BB" / "model.mil"));
}

TEST_F(ProgramFoldersTest, SayWhereTheyCannotWrite) {
  EXPECT_THAT(ProgramFolders::open(below_ / "none").error().message, HasSubstr("could not be made"));
}

}  // namespace
}  // namespace anemone::ane
