// A folder of its own for files that nobody keeps.
//
//   const TemporaryFolder folder = TRY(TemporaryFolder::create());
//   TRY(write_file_atomically(folder.path() + "/model.mil", text));
#pragma once

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "base/result.h"

namespace anemone {

// Removed, with all that is in it, by the destructor.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create() {
    std::error_code error;
    const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
    if (error) return fail("there is no folder for temporary files ({}): let TMPDIR name one", error.message());
    std::string path = parent / "anemone-XXXXXX";
    if (mkdtemp(path.data()) == nullptr)
      return fail("cannot make a folder in {}: {}", parent.string(), strerror(errno));
    return TemporaryFolder(std::move(path));
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace anemone
