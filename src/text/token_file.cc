#include "text/token_file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace anemone::text {
namespace {

static_assert(std::endian::native == std::endian::little, "ids are written as they lie in memory");

template <class T>
int32_t load(const std::byte* data, int64_t i) {
  T id;
  std::memcpy(&id, data + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return static_cast<int32_t>(id);
}

// The first id at or beyond `limit`, or -1. The maximum of a block is taken without branches, so it vectorises.
template <class T>
int64_t first_beyond(const std::byte* data, int64_t size, int64_t limit) {
  constexpr int64_t kBlock = 4096;
  const auto id = [&](int64_t i) { return static_cast<T>(load<T>(data, i)); };
  for (int64_t begin = 0; begin < size; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, size);
    T largest = 0;
    for (int64_t i = begin; i < end; ++i) largest = std::max(largest, id(i));
    if (largest < limit) continue;
    for (int64_t i = begin; i < end; ++i) {
      if (id(i) >= limit) return i;
    }
  }
  return -1;
}

Result<> check_ids(const std::string& path, std::span<const std::byte> bytes, int64_t width, int64_t vocab_size) {
  const auto size = static_cast<int64_t>(bytes.size()) / width;
  const int64_t at = width == 2 ? first_beyond<uint16_t>(bytes.data(), size, vocab_size)
                                : first_beyond<uint32_t>(bytes.data(), size, vocab_size);
  if (at < 0) return {};
  const int64_t id =
      width == 2 ? load<uint16_t>(bytes.data(), at) : int64_t{static_cast<uint32_t>(load<uint32_t>(bytes.data(), at))};
  return fail("{} holds token {} at offset {}, outside the vocabulary of {}: prepare it with the model's own tokenizer",
              path, id, at * width, vocab_size);
}

template <class T>
std::vector<std::byte> packed(std::span<const int32_t> ids) {
  std::vector<std::byte> bytes(ids.size() * sizeof(T));
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto id = static_cast<T>(ids[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &id, sizeof(T));
  }
  return bytes;
}

std::vector<std::byte> pack(std::span<const int32_t> ids, int64_t vocab_size) {
  const bool inside = std::all_of(ids.begin(), ids.end(), [&](int32_t id) { return id >= 0 && id < vocab_size; });
  CHECK(inside);
  return token_width(vocab_size) == 2 ? packed<uint16_t>(ids) : packed<uint32_t>(ids);
}

}  // namespace

Result<TokenFile> TokenFile::open(const std::string& path, TokenFileNeeds needs) {
  TokenFile tokens;
  tokens.name_ = path;
  tokens.width_ = token_width(needs.vocab_size);
  tokens.file_ = TRY(MappedFile::open(path));
  const auto bytes = tokens.file_->bytes();
  if (bytes.empty()) return fail("{} is empty: make a token file with `anemone data prepare`", path);
  if (bytes.size() % static_cast<size_t>(tokens.width_) != 0) {
    return fail("{} has {} bytes, not a multiple of the {} of a token: it is cut short or no token file", path,
                bytes.size(), tokens.width_);
  }
  tokens.size_ = static_cast<int64_t>(bytes.size()) / tokens.width_;
  if (tokens.size_ <= needs.sequence) {
    return fail("{} holds {} tokens, but a sequence of {} needs {}: use a longer text or a shorter sequence", path,
                tokens.size_, needs.sequence, needs.sequence + 1);
  }
  TRY(check_ids(path, bytes, tokens.width_, needs.vocab_size));
  return tokens;
}

TokenFile TokenFile::in_memory(std::span<const int32_t> ids, int64_t vocab_size) {
  TokenFile tokens;
  tokens.name_ = "tokens in memory";
  tokens.width_ = token_width(vocab_size);
  tokens.memory_ = pack(ids, vocab_size);
  tokens.size_ = static_cast<int64_t>(ids.size());
  return tokens;
}

int32_t TokenFile::operator[](int64_t i) const {
  return width_ == 2 ? load<uint16_t>(data(), i) : load<uint32_t>(data(), i);
}

void TokenFile::copy(int64_t begin, std::span<int32_t> ids) const {
  CHECK(begin >= 0 && begin + static_cast<int64_t>(ids.size()) <= size_);
  for (int32_t& id : ids) id = (*this)[begin++];
}

Result<TokenWriter> TokenWriter::create(const std::string& path, int64_t vocab_size) {
  return TokenWriter(TRY(AtomicFile::create(path)), vocab_size);
}

Result<> TokenWriter::append(std::span<const int32_t> ids) {
  TRY(file_.write(pack(ids, vocab_size_)));
  size_ += static_cast<int64_t>(ids.size());
  return {};
}

Result<> TokenWriter::commit() { return file_.commit(); }

}  // namespace anemone::text
