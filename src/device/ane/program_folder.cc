#include "device/ane/program_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "base/file.h"

namespace anemone::ane {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRecord = "anemone-ane-";
constexpr const char* kLock = "lock";

// A lock of a file, which ends with the process if not before.
class FileLock {
 public:
  FileLock(const fs::path& path, int how) : descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    while (descriptor_ >= 0 && flock(descriptor_, how) != 0) {
      if (errno == EINTR) continue;
      close(descriptor_);
      descriptor_ = -1;
    }
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  bool held() const { return descriptor_ >= 0; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

// Taken while folders are laid out or removed, by one process of a user at a time.
FileLock turn(const fs::path& below) {
  return FileLock(below / ("anemone-ane." + std::to_string(geteuid()) + ".lock"), LOCK_EX);
}

// What the framework may call a folder, and nothing that leads elsewhere.
bool is_plain(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

bool is_ours(const fs::path& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

std::vector<fs::path> records(const fs::path& below) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(below, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with(kRecord) && is_ours(it->path())) found.push_back(it->path());
  }
  return found;
}

std::set<std::string> names_in(const fs::path& record) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(record, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name != kLock && is_plain(name)) names.insert(name);
  }
  return names;
}

bool is_dead(const fs::path& record) { return FileLock(record / kLock, LOCK_EX | LOCK_NB).held(); }

bool holds(const fs::path& path, std::span<const std::byte> bytes) {
  const Result<MappedFile> file = MappedFile::open(path.string());
  return file && std::ranges::equal(file->bytes(), bytes);
}

Result<> write_file(const fs::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
  file.close();
  if (!file) return fail("{} could not be written: {}", path.string(), std::strerror(errno));
  return {};
}

}  // namespace

// ---- A folder

ProgramFolder::ProgramFolder(std::shared_ptr<ProgramFolders> among, std::string name)
    : among_(std::move(among)), name_(std::move(name)) {}

ProgramFolder::~ProgramFolder() { among_->remove(name_); }

Result<> ProgramFolder::write(const std::vector<FolderFile>& files) const {
  const FileLock ours = turn(among_->below_);
  for (const FolderFile& file : files) {
    const fs::path path = among_->below_ / name_ / file.path;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) return fail("{} could not be made: {}", path.parent_path().string(), error.message());
    if (!holds(path, file.bytes)) TRY(write_file(path, file.bytes));
  }
  return {};
}

// ---- All of this process

Result<std::shared_ptr<ProgramFolders>> ProgramFolders::open(fs::path below) {
  auto folders = std::shared_ptr<ProgramFolders>(new ProgramFolders(std::move(below)));
  const FileLock ours = turn(folders->below_);
  folders->remove_dead();
  TRY(folders->make_record());
  return folders;
}

Result<> ProgramFolders::make_record() {
  std::string pattern = (below_ / (std::string(kRecord) + "XXXXXX")).string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return fail("{} could not be made: {}; is TMPDIR a folder that can be written to?", pattern, std::strerror(errno));
  }
  record_ = pattern;
  FileLock lock(record_ / kLock, LOCK_EX | LOCK_NB);
  if (!lock.held()) return fail("{} could not be locked", (record_ / kLock).string());
  lock_ = lock.release();
  return {};
}

ProgramFolders::~ProgramFolders() {
  std::error_code ignored;
  if (!record_.empty()) fs::remove_all(record_, ignored);
  if (lock_ >= 0) close(lock_);
}

void ProgramFolders::remove_dead() const {
  std::vector<fs::path> dead;
  std::set<std::string> left, used;
  for (const fs::path& record : records(below_)) {
    const bool is = is_dead(record);
    (is ? left : used).merge(names_in(record));
    if (is) dead.push_back(record);
  }
  std::error_code ignored;
  for (const std::string& name : left) {
    if (!used.contains(name)) fs::remove_all(below_ / name, ignored);
  }
  for (const fs::path& record : dead) fs::remove_all(record, ignored);
}

Result<std::shared_ptr<ProgramFolder>> ProgramFolders::create(const std::string& name,
                                                              const std::vector<FolderFile>& files) {
  std::shared_ptr<ProgramFolder> folder = TRY(record(name));
  TRY(folder->write(files));
  return folder;
}

Result<std::shared_ptr<ProgramFolder>> ProgramFolders::record(const std::string& name) {
  if (!is_plain(name)) return fail("the framework calls the program \"{}\", which cannot be a folder's name", name);
  const std::lock_guard lock(mutex_);
  std::weak_ptr<ProgramFolder>& used = in_use_[name];
  if (std::shared_ptr<ProgramFolder> folder = used.lock()) return folder;
  const FileLock ours = turn(below_);
  TRY(write_file(record_ / name, {}));  // before there is anything that a crash could leave
  auto folder = std::make_shared<ProgramFolder>(shared_from_this(), name);
  used = folder;
  return folder;
}

void ProgramFolders::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (in_use_[name].lock() != nullptr) return;  // made anew meanwhile
  in_use_.erase(name);
  const FileLock ours = turn(below_);
  std::error_code ignored;
  fs::remove(record_ / name, ignored);
  for (const fs::path& record : records(below_)) {
    if (fs::exists(record / name, ignored)) return;
  }
  fs::remove_all(below_ / name, ignored);
}

}  // namespace anemone::ane
