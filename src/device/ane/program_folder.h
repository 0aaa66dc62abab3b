// The folders that the framework compiles programs from, each named by it and laid out below the temporary folder.
//
//   std::shared_ptr<ProgramFolders> folders = TRY(ProgramFolders::open(temporary_folder()));
//   std::shared_ptr<ProgramFolder> folder = TRY(folders->create(identifier, files));      // removed with the last
//   owner
//
// The framework chooses their names, by what they hold, so that processes may share one. Who uses which is written
// beside: a record is a folder anemone-ane-XXXXXX with a lock that its process holds while it lives, and an empty file
// by the name of each folder it uses. Whose lock can be had has died, and its folders are removed by the next that
// opens.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace anemone::ane {

struct FolderFile {
  std::string path;  // below the folder: "weights/w000.bin"
  std::span<const std::byte> bytes;
};

class ProgramFolders;

class ProgramFolder {
 public:
  ProgramFolder(std::shared_ptr<ProgramFolders> among, std::string name);
  ProgramFolder(const ProgramFolder&) = delete;
  ProgramFolder& operator=(const ProgramFolder&) = delete;
  ~ProgramFolder();  // removes it, unless another process uses it

  Result<> write(const std::vector<FolderFile>& files) const;

 private:
  std::shared_ptr<ProgramFolders> among_;
  std::string name_;
};

// Those of this process.
class ProgramFolders : public std::enable_shared_from_this<ProgramFolders> {
 public:
  // Removes what dead processes left.
  static Result<std::shared_ptr<ProgramFolders>> open(std::filesystem::path below);
  ~ProgramFolders();
  ProgramFolders(const ProgramFolders&) = delete;
  ProgramFolders& operator=(const ProgramFolders&) = delete;

  // Lays out the folder of that name. The one that is there already where it is in use.
  Result<std::shared_ptr<ProgramFolder>> create(const std::string& name, const std::vector<FolderFile>& files);

 private:
  friend class ProgramFolder;
  explicit ProgramFolders(std::filesystem::path below) : below_(std::move(below)) {}
  Result<> make_record();
  Result<std::shared_ptr<ProgramFolder>> record(const std::string& name);
  void remove_dead() const;
  void remove(const std::string& name);

  std::filesystem::path below_, record_;
  int lock_ = -1;  // held while this lives
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<ProgramFolder>> in_use_;
};

}  // namespace anemone::ane
