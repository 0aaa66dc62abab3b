#include <sentencepiece_trainer.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/prepare.h"

namespace anemone::text {
namespace {

using WordCount = std::pair<std::string_view, int64_t>;

constexpr std::string_view kBlanks = " \t\r\n";
constexpr size_t kLongestWord = 1000;  // bytes; what is longer teaches nothing

void count_words(std::string_view document, std::unordered_map<std::string_view, int64_t>& counts) {
  size_t begin = document.find_first_not_of(kBlanks);
  while (begin != document.npos) {
    const size_t end = std::min(document.find_first_of(kBlanks, begin), document.size());
    if (end - begin <= kLongestWord) ++counts[document.substr(begin, end - begin)];
    begin = document.find_first_not_of(kBlanks, end);
  }
}

// In the order of the words, so that the trainer sees the same whatever the hash.
Result<std::vector<WordCount>> word_counts(std::string_view text) {
  std::unordered_map<std::string_view, int64_t> counts;
  TRY(for_each_document(text, [&](std::string_view document) -> Result<> {
    count_words(document, counts);
    return {};
  }));
  std::vector<WordCount> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// Gives the trainer "word<tab>count" lines: pairs never span words, so this is all it needs of a text of any length.
class WordIterator : public sentencepiece::SentenceIterator {
 public:
  explicit WordIterator(const std::vector<WordCount>& words) : words_(words) { show(); }
  bool done() const override { return next_ == words_.size(); }
  void Next() override {
    ++next_;
    show();
  }
  const std::string& value() const override { return line_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void show() {
    if (!done()) line_ = fmt::format("{}\t{}", words_[next_].first, words_[next_].second);
  }

  const std::vector<WordCount>& words_;
  size_t next_ = 0;
  std::string line_;
};

std::unordered_map<std::string, std::string> trainer_settings(int64_t vocab_size) {
  return {{"model_type", "bpe"},
          {"input_format", "tsv"},
          {"vocab_size", std::to_string(vocab_size)},
          {"character_coverage", "0.99995"},
          {"normalization_rule_name", "identity"},
          {"remove_extra_whitespaces", "false"},
          {"add_dummy_prefix", "true"},
          {"split_digits", "true"},
          {"byte_fallback", "true"},
          {"allow_whitespace_only_pieces", "true"},
          {"unk_id", "0"},
          {"bos_id", "1"},
          {"eos_id", "2"},
          {"pad_id", "-1"},
          {"num_threads", "1"},
          {"minloglevel", "3"}};
}

// "file(line) [condition] What it says." → "What it says".
std::string_view without_place(std::string_view message) {
  if (const size_t end = message.rfind("] "); end != message.npos) message.remove_prefix(end + 2);
  if (message.ends_with('.')) message.remove_suffix(1);
  return message;
}

}  // namespace

Result<std::string> train_tokenizer(std::string_view text, int64_t vocab_size) {
  const std::vector<WordCount> words = TRY(word_counts(text));
  if (words.empty()) return fail("the text holds no words: a tokenizer needs some to learn from");
  WordIterator iterator(words);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(trainer_settings(vocab_size), &iterator, &model);
  if (!status.ok()) {
    return fail("cannot train a tokenizer of {} tokens on this text: {}", vocab_size,
                without_place(status.error_message()));
  }
  return model;
}

}  // namespace anemone::text
