// Archives and their checksums, by libarchive and libcrypto.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "base/result.h"

namespace anemone::text {

using ByteSink = std::function<Result<>(std::span<const std::byte>)>;

// Passes the bytes of the regular file `member` of a .tar.gz, in whatever folder it lies there, to `sink`. Fails where
// the archive is not one, is damaged or lacks the member, and with the sink's error.
Result<> extract_member(const std::string& archive, const std::string& member, const ByteSink& sink);

Result<bool> is_gzip(const std::string& path);

// The SHA-256 of a file, in 64 lower-case hexadecimal digits.
Result<std::string> sha256(const std::string& path);

}  // namespace anemone::text
