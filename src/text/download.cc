#include "text/download.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "text/archive.h"
#include "text/http.h"
#include "text/token_file.h"

namespace anemone::text {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

Result<> check_archive(const std::string& path, const DownloadOptions& options) {
  if (!TRY(is_gzip(path))) {
    return fail("{} gives no gzip archive: check the address, it may be a page that asks to log in", options.url);
  }
  if (options.sha256.empty()) return {};
  const std::string found = TRY(sha256(path));
  if (found == lower(options.sha256)) return {};
  return fail("{} has SHA-256 {}, not {}: fetch it again, or check the checksum", options.url, found, options.sha256);
}

Result<> unpack(const std::string& path, const DownloadOptions& options, const ByteSink& sink) {
  TRY(check_archive(path, options));
  return extract_member(path, options.member, sink);
}

Result<> check_size(int64_t bytes, const DownloadOptions& options) {
  if (bytes > 0 && bytes % token_width(kTinyStoriesVocabulary) == 0) return {};
  return fail("{} in {} has {} bytes: it is no token file", options.member, options.url, bytes);
}

}  // namespace

Result<Downloaded> download_tokens(const DownloadOptions& options, const Report& report) {
  if (const auto tokens = TokenFile::open(options.output, {.vocab_size = kTinyStoriesVocabulary})) {
    return Downloaded{true, tokens->size() * token_width(kTinyStoriesVocabulary)};
  }
  const std::string part = options.output + ".tar.gz.part";
  TRY(fetch(options.url, part, report));
  AtomicFile output = TRY(AtomicFile::create(options.output));
  int64_t size = 0;
  Result<> stored;  // apart from the archive's faults: a full disk must not cost what was fetched
  const ByteSink store = [&](std::span<const std::byte> bytes) {
    size += static_cast<int64_t>(bytes.size());
    return stored = output.write(bytes);
  };
  Result<> unpacked = unpack(part, options, store);
  if (unpacked) unpacked = check_size(size, options);
  if (unpacked) stored = output.commit();
  std::error_code ignored;
  if (stored) std::filesystem::remove(part, ignored);
  TRY(unpacked);
  TRY(stored);
  return Downloaded{false, size};
}

}  // namespace anemone::text
