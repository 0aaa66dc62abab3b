// Token ids as training reads them: flat, little-endian, uint16 for vocabularies up to 65,536 words, uint32 beyond.
//
//   TokenFile tokens = TRY(TokenFile::open("tokens.bin", {.vocab_size = 32000, .sequence = 256}));
//   int32_t id = tokens[17];
//   tokens.copy(17, batch);                           // batch.size() ids from 17 on
//
//   TokenWriter writer = TRY(TokenWriter::create("tokens.bin", 32000));
//   TRY(writer.append(ids));
//   TRY(writer.commit());
//
// A TokenFile is immutable: any thread may read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace anemone::text {

constexpr int64_t token_width(int64_t vocab_size) { return vocab_size > 65536 ? 4 : 2; }  // bytes an id

struct TokenFileNeeds {
  int64_t vocab_size = 0;  // every id must be below it
  int64_t sequence = 0;    // at least this many inputs and one more token, the last target
};

class TokenFile {
 public:
  // Maps the file and checks its size and every id.
  static Result<TokenFile> open(const std::string& path, TokenFileNeeds needs);
  static TokenFile in_memory(std::span<const int32_t> ids, int64_t vocab_size);

  int64_t size() const { return size_; }
  int32_t operator[](int64_t i) const;
  void copy(int64_t begin, std::span<int32_t> ids) const;  // begin + ids.size() <= size()
  const std::string& name() const { return name_; }

 private:
  TokenFile() = default;
  const std::byte* data() const { return file_ ? file_->bytes().data() : memory_.data(); }

  std::string name_;
  std::optional<MappedFile> file_;
  std::vector<std::byte> memory_;  // in place of the file
  int64_t width_ = 2;
  int64_t size_ = 0;
};

// Writes a token file that appears, whole, at commit().
class TokenWriter {
 public:
  static Result<TokenWriter> create(const std::string& path, int64_t vocab_size);
  Result<> append(std::span<const int32_t> ids);  // each in [0, vocab_size)
  Result<> commit();
  int64_t size() const { return size_; }

 private:
  TokenWriter(AtomicFile file, int64_t vocab_size) : file_(std::move(file)), vocab_size_(vocab_size) {}

  AtomicFile file_;
  int64_t vocab_size_;
  int64_t size_ = 0;
};

}  // namespace anemone::text
