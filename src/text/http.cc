#include "text/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace anemone::text {
namespace {

constexpr long kPartialContent = 206;
constexpr long kRangeNotSatisfiable = 416;
constexpr long kConnectSeconds = 30;
constexpr long kSilentSeconds = 60;  // without a byte, the connection counts as dead

class PartialFile {
 public:
  static Result<PartialFile> open(const std::string& path) {
    PartialFile file;
    file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file.descriptor_ < 0) return fail("cannot write {}: {}", path, std::strerror(errno));
    file.size_ = lseek(file.descriptor_, 0, SEEK_END);
    return file;
  }
  PartialFile(PartialFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_), error_(other.error_) {}
  ~PartialFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  int64_t size() const { return size_; }
  int error() const { return error_; }

  bool restart() { return succeeded(ftruncate(descriptor_, 0) == 0 && lseek(descriptor_, size_ = 0, SEEK_SET) == 0); }

  bool append(const char* data, size_t count) {
    while (count > 0) {
      const ssize_t written = ::write(descriptor_, data, count);
      if (written < 0 && errno == EINTR) continue;
      if (!succeeded(written >= 0)) return false;
      data += written;
      count -= static_cast<size_t>(written);
      size_ += written;
    }
    return true;
  }

 private:
  PartialFile() = default;
  bool succeeded(bool success) {
    if (!success) error_ = errno;
    return success;
  }

  int descriptor_ = -1;
  int64_t size_ = 0;
  int error_ = 0;
};

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

class Transfer {
 public:
  Transfer(PartialFile& file, const Report& report) : file_(file), report_(report), had_(file.size()) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (initialised == CURLE_OK) handle_.reset(curl_easy_init());
  }

  Result<> run(const std::string& url, const std::string& path) {
    if (!handle_) return fail("cannot fetch {}: libcurl does not start", url);
    configure(url);
    const CURLcode code = curl_easy_perform(handle_.get());
    if (code == CURLE_OK || was_complete()) return {};
    if (file_.error() != 0) return fail("cannot write {}: {}", path, std::strerror(file_.error()));
    const char* reason = message_[0] != '\0' ? message_ : curl_easy_strerror(code);
    if (file_.size() == 0) return fail("cannot fetch {}: {}: check the address and the connection", url, reason);
    return fail("cannot fetch {}: {}: run it again to go on from byte {}", url, reason, file_.size());
  }

 private:
  void configure(const std::string& url) {
    CURL* handle = handle_.get();
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "anemone");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, message_);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Transfer::receive);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &Transfer::progress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, this);
    range_ = fmt::format("{}-", had_);
    if (had_ > 0) curl_easy_setopt(handle, CURLOPT_RANGE, range_.c_str());
  }

  long status() const {
    long code = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &code);
    return code;
  }

  // Asked for what follows the last byte, a server answers 416 and tells the size: "bytes */N".
  bool was_complete() const {
    curl_header* header = nullptr;
    if (status() != kRangeNotSatisfiable) return false;
    if (curl_easy_header(handle_.get(), "Content-Range", 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return false;
    return header->value == fmt::format("bytes */{}", had_);
  }

  static size_t receive(const char* data, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const bool starts_over = !std::exchange(transfer.has_begun_, true) && transfer.status() != kPartialContent;
    if (starts_over && !transfer.file_.restart()) return 0;
    return transfer.file_.append(data, size * count) ? size * count : 0;
  }

  static int progress(void* self, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
    const auto& transfer = *static_cast<Transfer*>(self);
    if (!transfer.report_ || done == 0) return 0;
    const int64_t before = transfer.status() == kPartialContent ? transfer.had_ : 0;
    transfer.report_(before + done, total > 0 ? before + total : 0);
    return 0;
  }

  PartialFile& file_;
  const Report& report_;
  int64_t had_;  // bytes of an earlier transfer
  std::unique_ptr<CURL, CloseHandle> handle_;
  std::string range_;
  bool has_begun_ = false;
  char message_[CURL_ERROR_SIZE] = {};
};

}  // namespace

Result<> fetch(const std::string& url, const std::string& path, const Report& report) {
  PartialFile file = TRY(PartialFile::open(path));
  const Result<> fetched = Transfer(file, report).run(url, path);
  if (!fetched && file.size() == 0) unlink(path.c_str());
  return fetched;
}

}  // namespace anemone::text
