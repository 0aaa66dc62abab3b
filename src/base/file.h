// Files from outside, mapped; files for keeping, replaced atomically.
//
//   MappedFile tokens = TRY(MappedFile::open("tokens.bin"));
//   std::span<const std::byte> bytes = tokens.bytes();
//
//   AtomicFile file = TRY(AtomicFile::create("model.bin"));
//   TRY(file.write(header));
//   TRY(file.commit());                 // synced and renamed; without it the old file stays as it was
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace anemone {

// A whole regular file, read-only. Movable; unmapped by the destructor. An empty file has empty bytes.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, std::span<const std::byte> bytes) : path_(std::move(path)), bytes_(bytes) {}

  std::string path_;
  std::span<const std::byte> bytes_;
};

// Writes PATH.tmp-PID beside the target; commit() syncs it and renames it over the target. Destroyed without commit,
// it removes the temporary file. Errors name the path and the system's reason ("no space left on device").
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Result<> write(std::span<const std::byte> bytes);
  Result<> write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  Result<> commit();

 private:
  AtomicFile(std::string path, std::string temporary, int descriptor)
      : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

Result<std::string> read_text(const std::string& path);

}  // namespace anemone
