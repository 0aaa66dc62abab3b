// llama2.c's vocabulary and its byte-pair encoding: characters first, then the pair with the best score is merged,
// leftmost first, until none is left.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <queue>
#include <tuple>
#include <unordered_map>

#include "text/tokenizer_model.h"
#include "text/utf8.h"

namespace anemone::text {
namespace {

constexpr float kWorstMergeableScore = -1e10f;  // llama2.c merges nothing at or below it
constexpr int32_t kFirstTextToken = kFirstByteToken + 256;
constexpr int32_t kNoToken = -1;
constexpr int32_t kEnd = -1;

struct Entry {
  int32_t id;
  float score;
};

// A run of the text, linked to its neighbours; merging extends the left one and empties the right one.
struct Symbol {
  int32_t previous;
  int32_t next;
  std::string_view text;  // empty once merged away
  int32_t token;          // kNoToken: a character outside the vocabulary, to be written as bytes
};

struct Merge {
  float score;
  int32_t left;
  int32_t right;
  size_t length;  // bytes of both when queued: if they differ now, one has been merged since
  int32_t token;

  bool operator<(const Merge& other) const { return std::tie(score, other.left) < std::tie(other.score, left); }
};

class Llama2cTokenizer : public TokenizerModel {
 public:
  // The pieces that text may become: not the bytes' names nor the control tokens.
  void index(const std::vector<float>& scores) {
    for (auto id = kFirstTextToken; id < static_cast<int32_t>(pieces.size()); ++id) {
      entries_.try_emplace(pieces[id], Entry{id, scores[id]});
    }
  }

  std::vector<int32_t> encode(std::string_view text) const override {
    if (text.empty()) return {};
    const std::string prefixed = ' ' + std::string(text);
    std::vector<Symbol> symbols = characters(prefixed);
    merge_pairs(symbols);
    return tokens_of(symbols);
  }

 private:
  std::vector<Symbol> characters(std::string_view text) const {
    std::vector<Symbol> symbols;
    symbols.reserve(text.size());
    while (!text.empty()) {
      const auto character = text.substr(0, first_sequence(text).length);
      text.remove_prefix(character.size());
      const auto entry = entries_.find(character);
      const auto i = static_cast<int32_t>(symbols.size());
      symbols.push_back({i - 1, i + 1, character, entry == entries_.end() ? kNoToken : entry->second.id});
    }
    symbols.back().next = kEnd;
    return symbols;
  }

  void merge_pairs(std::vector<Symbol>& symbols) const {
    std::priority_queue<Merge> queue;
    for (int32_t i = 0; i + 1 < static_cast<int32_t>(symbols.size()); ++i) propose(symbols, i, i + 1, queue);
    while (!queue.empty()) {
      const Merge merge = queue.top();
      queue.pop();
      Symbol& left = symbols[merge.left];
      Symbol& right = symbols[merge.right];
      if (left.text.empty() || right.text.empty() || left.text.size() + right.text.size() != merge.length) continue;
      left.text = {left.text.data(), merge.length};
      left.token = merge.token;
      left.next = right.next;
      right.text = {};
      if (left.next != kEnd) symbols[left.next].previous = merge.left;
      propose(symbols, left.previous, merge.left, queue);
      propose(symbols, merge.left, left.next, queue);
    }
  }

  void propose(const std::vector<Symbol>& symbols, int32_t left, int32_t right,
               std::priority_queue<Merge>& queue) const {
    if (left == kEnd || right == kEnd) return;
    const Symbol &a = symbols[left], &b = symbols[right];
    if (a.token == kNoToken || b.token == kNoToken) return;
    const size_t length = a.text.size() + b.text.size();
    const auto entry = entries_.find(std::string_view(a.text.data(), length));
    if (entry == entries_.end() || entry->second.score <= kWorstMergeableScore) return;
    queue.push({entry->second.score, left, right, length, entry->second.id});
  }

  static std::vector<int32_t> tokens_of(const std::vector<Symbol>& symbols) {
    std::vector<int32_t> tokens;
    for (int32_t i = 0; i != kEnd; i = symbols[i].next) {
      if (symbols[i].token != kNoToken) {
        tokens.push_back(symbols[i].token);
        continue;
      }
      for (char byte : symbols[i].text) tokens.push_back(kFirstByteToken + static_cast<uint8_t>(byte));
    }
    return tokens;
  }

  std::unordered_map<std::string_view, Entry> entries_;  // keys view `pieces`
};

// Reads the file's fields in order; every failure names the offset.
class Cursor {
 public:
  Cursor(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  bool done() const { return offset_ == bytes_.size(); }

  template <class T>
  Result<T> read() {
    T value;
    std::memcpy(&value, TRY(take(sizeof(T))).data(), sizeof(T));
    return value;
  }

  Result<std::string_view> take(size_t count) {
    if (count > bytes_.size() - offset_) {
      return fail("{} is cut short: {} bytes are missing at offset {}: fetch the tokenizer again", name_,
                  count - (bytes_.size() - offset_), bytes_.size());
    }
    offset_ += count;
    return bytes_.substr(offset_ - count, count);
  }

  Result<std::string_view> read_piece(int32_t longest) {
    const size_t at = offset_;
    const auto length = TRY(read<int32_t>());
    if (length < 0 || length > longest) {
      return fail("{} is not a llama2.c tokenizer: a token of {} bytes at offset {}, but the longest has {}", name_,
                  length, at, longest);
    }
    return take(static_cast<size_t>(length));
  }

  Result<float> read_score() {
    const size_t at = offset_;
    const auto score = TRY(read<float>());
    if (std::isnan(score)) return fail("{} is damaged: the score at offset {} is not a number", name_, at);
    return score;
  }

 private:
  std::string_view bytes_;
  const std::string& name_;
  size_t offset_ = 0;
};

Result<> check_byte_tokens(const std::vector<std::string>& pieces, const std::string& name) {
  for (int32_t byte = 0; byte < 256; ++byte) {
    const auto id = static_cast<size_t>(kFirstByteToken + byte);
    if (id < pieces.size() && pieces[id] == fmt::format("<0x{:02X}>", byte)) continue;
    return fail("{} is not a llama2.c tokenizer: token {} must be <0x{:02X}>", name, id, byte);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<TokenizerModel>> parse_llama2c_tokenizer(std::string_view bytes, const std::string& name) {
  Cursor cursor(bytes, name);
  auto model = std::make_unique<Llama2cTokenizer>();
  std::vector<float> scores;
  const auto longest = TRY(cursor.read<int32_t>());
  while (!cursor.done()) {
    scores.push_back(TRY(cursor.read_score()));
    model->pieces.emplace_back(TRY(cursor.read_piece(longest)));
  }
  TRY(check_byte_tokens(model->pieces, name));
  model->index(scores);
  model->bos = 1;
  model->eos = 2;
  model->pieces[0] = kUnknownSurface;
  model->pieces[1] = model->pieces[2] = "";
  for (int32_t byte = 0; byte < 256; ++byte) model->pieces[kFirstByteToken + byte] = static_cast<char>(byte);
  return model;
}

}  // namespace anemone::text
