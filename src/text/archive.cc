#include "text/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "base/file.h"

namespace anemone::text {
namespace {

constexpr size_t kBlock = 1 << 16;

struct CloseArchive {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using Archive = std::unique_ptr<archive, CloseArchive>;

tl::unexpected<Error> damaged(const std::string& path, const Archive& archive) {
  const char* reason = archive_error_string(archive.get());
  return fail("{} is damaged: {}: fetch it again", path, reason != nullptr ? reason : "no reason known");
}

Result<Archive> open_archive(const std::string& path) {
  Archive archive(archive_read_new());
  archive_read_support_filter_gzip(archive.get());
  archive_read_support_format_tar(archive.get());
  if (archive_read_open_filename(archive.get(), path.c_str(), kBlock) != ARCHIVE_OK) return damaged(path, archive);
  return archive;
}

bool is_member(archive_entry* entry, const std::string& member) {
  const char* name = archive_entry_pathname(entry);
  return name != nullptr && archive_entry_filetype(entry) == AE_IFREG &&
         std::filesystem::path(name).filename() == member;
}

// Moves to the member's data.
Result<> find(const Archive& archive, const std::string& path, const std::string& member) {
  archive_entry* entry = nullptr;
  int code = ARCHIVE_OK;
  while ((code = archive_read_next_header(archive.get(), &entry)) == ARCHIVE_OK) {
    if (is_member(entry, member)) return {};
  }
  if (code != ARCHIVE_EOF) return damaged(path, archive);
  return fail("{} holds no {}: give the address of another archive", path, member);
}

}  // namespace

Result<> extract_member(const std::string& archive_path, const std::string& member, const ByteSink& sink) {
  const Archive archive = TRY(open_archive(archive_path));
  TRY(find(archive, archive_path, member));
  std::vector<std::byte> block(kBlock);
  while (true) {
    const la_ssize_t count = archive_read_data(archive.get(), block.data(), block.size());
    if (count < 0) return damaged(archive_path, archive);
    if (count == 0) return {};
    TRY(sink(std::span(block).first(static_cast<size_t>(count))));
  }
}

Result<bool> is_gzip(const std::string& path) {
  const MappedFile file = TRY(MappedFile::open(path));
  const auto bytes = file.bytes();
  return bytes.size() > 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

Result<std::string> sha256(const std::string& path) {
  const MappedFile file = TRY(MappedFile::open(path));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (EVP_Digest(file.bytes().data(), file.bytes().size(), digest, &length, EVP_sha256(), nullptr) != 1) {
    return fail("cannot take the checksum of {}: libcrypto offers no SHA-256", path);
  }
  std::string text;
  for (unsigned int i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace anemone::text
