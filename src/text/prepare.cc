#include "text/prepare.h"

#include <filesystem>

#include "base/file.h"
#include "base/parallel.h"
#include "text/word_encoder.h"

namespace anemone::text {
namespace {

constexpr size_t kPartLength = 1 << 20;  // bytes encoded at once, so that one long document needs little memory

constexpr char kNoText[] = "{} holds no text: give a file with documents to tokenise";

using Sink = std::function<Result<>(std::span<const int32_t>)>;

// Passes the tokens of each document to `sink`; returns the number of documents.
Result<int64_t> tokenize(std::string_view text, const Tokenizer& tokenizer, const Sink& sink, const Report& report) {
  int64_t documents = 0;
  WordEncoder encoder(tokenizer);
  TRY(for_each_document(text, [&](std::string_view document) -> Result<> {
    bool first = true;
    for (std::string_view part : cut_at_blanks(document, kPartLength)) {
      TRY(sink(encoder.encode(part, /*add_bos=*/std::exchange(first, false))));
      if (report) report(part.data() + part.size() - text.data(), static_cast<int64_t>(text.size()));
    }
    ++documents;
    return {};
  }));
  if (report) report(static_cast<int64_t>(text.size()), static_cast<int64_t>(text.size()));
  return documents;
}

Sink append_to(std::vector<int32_t>& ids) {
  return [&ids](std::span<const int32_t> more) -> Result<> {
    ids.insert(ids.end(), more.begin(), more.end());
    return {};
  };
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The stories one after another, each with its end marked. A story depends on its number alone.
std::string synthetic_stories(const SyntheticOptions& options) {
  std::vector<std::string> stories(static_cast<size_t>(options.stories));
  parallel_for(options.stories, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      stories[static_cast<size_t>(i)] = synthetic_story(options.seed, static_cast<uint64_t>(i));
    }
  });
  std::string text;
  for (const std::string& story : stories) text.append(story).append(kDocumentEnd);
  return text;
}

Result<> write_file(const std::string& path, std::string_view bytes) {
  AtomicFile file = TRY(AtomicFile::create(path));
  TRY(file.write(bytes));
  return file.commit();
}

}  // namespace

Result<Prepared> prepare(const PrepareOptions& options, const Report& report) {
  const MappedFile input = TRY(MappedFile::open(options.input));
  const std::string_view text = as_text(input.bytes());
  const bool trains = options.tokenizer.empty();
  const std::string path =
      trains ? std::filesystem::path(options.output).replace_extension(".model").string() : options.tokenizer;
  const std::string model = TRY(trains ? train_tokenizer(text, options.vocab_size) : read_text(path));
  const Tokenizer tokenizer = TRY(Tokenizer::parse(model, path));
  TokenWriter writer = TRY(TokenWriter::create(options.output, tokenizer.vocab_size()));
  const Sink append = [&](std::span<const int32_t> ids) { return writer.append(ids); };
  const int64_t documents = TRY(tokenize(text, tokenizer, append, report));
  if (documents == 0) return fail(kNoText, options.input);
  if (trains) TRY(write_file(path, model));
  TRY(writer.commit());
  return Prepared{documents, writer.size(), tokenizer.vocab_size(), path};
}

Result<TokenFile> tokenize_file(const std::string& path, const Tokenizer& tokenizer) {
  const MappedFile input = TRY(MappedFile::open(path));
  std::vector<int32_t> ids;
  if (TRY(tokenize(as_text(input.bytes()), tokenizer, append_to(ids), {})) == 0) return fail(kNoText, path);
  return TokenFile::in_memory(ids, tokenizer.vocab_size());
}

Result<Corpus> synthetic_corpus(const SyntheticCorpusOptions& options, const Report& report) {
  const std::string text = synthetic_stories(options.stories);
  std::string model = TRY(train_tokenizer(text, options.vocab_size));
  Tokenizer tokenizer = TRY(Tokenizer::parse(model, "the synthetic corpus's tokenizer"));
  std::vector<int32_t> ids;
  const int64_t documents = TRY(tokenize(text, tokenizer, append_to(ids), report));
  TokenFile tokens = TokenFile::in_memory(ids, tokenizer.vocab_size());
  return Corpus{std::move(model), std::move(tokenizer), std::move(tokens), documents};
}

}  // namespace anemone::text
