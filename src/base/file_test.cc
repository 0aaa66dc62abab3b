#include "base/file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace anemone {
namespace {

using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  FileTest() { std::filesystem::create_directories(folder_); }
  ~FileTest() override { std::filesystem::remove_all(folder_); }

  const std::string folder_ =
      (std::filesystem::temp_directory_path() / ("anemone-file-test-" + std::to_string(getpid()))).string();
};

TEST_F(FileTest, WhatIsNoRegularFileIsRefusedAtOnce) {
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {folder_, pipe, std::string("/dev/zero")}) {
    const auto file = MappedFile::open(path);
    ASSERT_FALSE(file) << path;
    EXPECT_THAT(file.error().message, HasSubstr("cannot read " + path + ": it is not a regular file"));
  }
}

TEST_F(FileTest, AFileIsReplacedOnlyByACommit) {
  const std::string path = folder_ + "/text";
  for (const bool commit : {true, false}) {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE(file->write(commit ? "first" : "second"));
    const auto committed = commit ? file->commit() : Result<>();
    ASSERT_TRUE(committed);
  }
  EXPECT_EQ(*read_text(path), "first");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace anemone
