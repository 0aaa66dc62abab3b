// From text to what training reads: a tokenizer and a file of token ids.
//
//   Prepared made = TRY(prepare({.input = "stories.txt", .output = "stories.bin", .vocab_size = 2048}, report));
//   // stories.bin and stories.model
//
//   Corpus corpus = TRY(synthetic_corpus({}, report));       // without any file
//   corpus.tokens[0];                                        // BOS, as at the start of each document
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/documents.h"
#include "text/synthesis.h"
#include "text/token_file.h"
#include "text/tokenizer.h"

namespace anemone::text {

// A SentencePiece BPE model, serialised, learnt from all documents of `text`. As Llama's: no normalisation, a blank
// before the text, digits apart, bytes for rare characters, ids 0 unknown, 1 BOS, 2 EOS. The same text gives the same
// bytes. Fails where the text is empty, or has too few words or too many characters for `vocab_size`.
Result<std::string> train_tokenizer(std::string_view text, int64_t vocab_size);

struct PrepareOptions {
  std::string input;           // UTF-8 text; documents end at <|endoftext|>
  std::string output;          // the token file; a tokenizer trained here stands beside it as .model
  std::string tokenizer = {};  // use this one; empty: train one
  int64_t vocab_size = 2048;   // of the one that is trained
};

struct Prepared {
  int64_t documents = 0;
  int64_t tokens = 0;
  int64_t vocab_size = 0;
  std::string tokenizer = {};  // use this one; empty: train one
};

// Each document begins with BOS. The input is mapped, not read into memory; both files appear whole or not at all.
// `report` counts bytes of the input.
Result<Prepared> prepare(const PrepareOptions& options, const Report& report);

// The tokens that prepare() would write of a text, in memory.
Result<TokenFile> tokenize_file(const std::string& path, const Tokenizer& tokenizer);

struct Corpus {
  std::string model;  // the tokenizer, serialised, for keeping beside what is trained on it
  Tokenizer tokenizer;
  TokenFile tokens;
  int64_t documents;
};

struct SyntheticCorpusOptions {
  SyntheticOptions stories;
  int64_t vocab_size = 1024;
};

// Stories, a tokenizer learnt from them and their tokens, all in memory. `report` counts bytes of text tokenised.
Result<Corpus> synthetic_corpus(const SyntheticCorpusOptions& options, const Report& report);

}  // namespace anemone::text
