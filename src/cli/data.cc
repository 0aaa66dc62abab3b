// anemone data: corpora made, tokenised, fetched and looked at.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/json.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "text/download.h"
#include "text/prepare.h"
#include "text/synthesis.h"
#include "text/token_stats.h"

namespace anemone::cli {
namespace {

namespace fs = std::filesystem;

const CLI::Range kCount(int64_t{1}, int64_t{0x7FFFFFFF});

text::Report shown_by(Progress& progress) {
  return [&progress](int64_t done, int64_t total) { progress.update(done, total); };
}

double megabytes(const std::string& path) {
  std::error_code ignored;
  return static_cast<double>(fs::file_size(path, ignored)) / 1e6;
}

struct SynthOptions {
  text::SyntheticOptions stories;
  std::string output;
};

Result<> synth(const SynthOptions& options) {
  Progress progress("writing stories");
  TRY(text::write_stories(options.output, options.stories, shown_by(progress)));
  progress.finish();
  fmt::print("{}: {} stories, {:.1f} MB (seed {})\n", options.output, options.stories.stories,
             megabytes(options.output), options.stories.seed);
  return {};
}

void add_synth(CLI::App& data, Action& action) {
  auto options = std::make_shared<SynthOptions>();
  CLI::App* app = data.add_subcommand("synth", "Write a corpus of small stories, the same for the same seed");
  app->add_option("--stories", options->stories.stories, "How many")->capture_default_str()->check(kCount);
  app->add_option("--seed", options->stories.seed, "Another seed, other stories")->capture_default_str();
  app->add_option("-o,--output", options->output, "The text file")->required();
  app->footer("Example: anemone data synth --stories 12000 --output stories.txt");
  app->callback([&action, options] { action = [options] { return synth(*options); }; });
}

Result<> prepare(text::PrepareOptions options) {
  fs::path output =
      options.output.empty() ? fs::path(options.input).replace_extension(".bin") : fs::path(options.output);
  if (!output.has_extension()) output += ".bin";
  options.output = output.string();
  Progress progress("tokenising", Progress::Unit::bytes);
  const text::Prepared made = TRY(text::prepare(options, shown_by(progress)));
  progress.finish();
  fmt::print("{}: {} tokens in {} documents, {:.1f} MB\n", options.output, made.tokens, made.documents,
             megabytes(options.output));
  fmt::print("{}: a tokenizer of {} tokens\n", made.tokenizer, made.vocab_size);
  return {};
}

void add_prepare(CLI::App& data, Action& action) {
  auto options = std::make_shared<text::PrepareOptions>();
  CLI::App* app =
      data.add_subcommand("prepare", "Turn a text into token ids; train a tokenizer on it if none is given");
  app->add_option("INPUT", options->input, "UTF-8 text; documents end at <|endoftext|>")->required();
  app->add_option("-o,--output", options->output, "The token file [INPUT with .bin]");
  CLI::Option* tokenizer =
      app->add_option("--tokenizer", options->tokenizer, "A SentencePiece .model or a llama2.c tokenizer.bin");
  app->add_option("--vocab", options->vocab_size, "Tokens of the tokenizer to train; it is written beside the output")
      ->capture_default_str()
      ->check(kCount)
      ->excludes(tokenizer);
  app->footer("Example: anemone data prepare stories.txt --vocab 1024 --output stories.bin");
  app->callback([&action, options] { action = [options] { return prepare(*options); }; });
}

Result<> download(text::DownloadOptions options) {
  if (fs::is_directory(options.output)) options.output = (fs::path(options.output) / text::kTinyStoriesFile).string();
  Progress progress("downloading", Progress::Unit::bytes);
  const text::Downloaded data = TRY(text::download_tokens(options, shown_by(progress)));
  progress.finish();
  fmt::print("{}: {} tokens, {:.1f} MB{}\n", options.output, data.bytes / 2, data.bytes / 1e6,
             data.was_there ? " (was there already)" : "");
  return {};
}

void add_download(CLI::App& data, Action& action) {
  auto options = std::make_shared<text::DownloadOptions>();
  CLI::App* app = data.add_subcommand("download", "Fetch 20.7 million tokens of TinyStories (Llama 2 tokenizer)");
  app->add_option("-o,--output", options->output, "The token file, or the folder for it")->capture_default_str();
  app->add_option("--url", options->url, "Another .tar.gz that holds data00.bin")->capture_default_str();
  app->add_option("--sha256", options->sha256, "What the archive's checksum must be");
  app->footer("An interrupted download goes on where it stopped when run again.\nExample: anemone data download");
  app->callback([&action, options] { action = [options] { return download(*options); }; });
}

struct InfoOptions {
  std::string file;
  std::string tokenizer;
  int64_t vocab_size = 65536;  // by default, any uint16 is an id
  bool json = false;
};

struct Info {
  int64_t tokens;
  double megabytes;
  std::vector<int32_t> first;
  text::TokenStats stats;
  std::string start;  // decoded; empty without a tokenizer
};

// The first `count` tokens, or all where there are fewer.
std::vector<int32_t> head(const text::TokenFile& tokens, int64_t count) {
  std::vector<int32_t> ids(static_cast<size_t>(std::min(count, tokens.size())));
  tokens.copy(0, ids);
  return ids;
}

Result<Info> look_at(const InfoOptions& options) {
  constexpr int64_t kFirstIds = 10, kStartTokens = 100;
  constexpr int32_t kUsualBos = 1;
  std::optional<text::Tokenizer> tokenizer;
  if (!options.tokenizer.empty()) tokenizer = TRY(text::Tokenizer::load(options.tokenizer));
  const int64_t vocab_size = tokenizer ? tokenizer->vocab_size() : options.vocab_size;
  const text::TokenFile tokens = TRY(text::TokenFile::open(options.file, {.vocab_size = vocab_size}));
  Info info{tokens.size(), megabytes(options.file), head(tokens, kFirstIds), {}, {}};
  info.stats = text::token_stats(tokens, tokenizer ? tokenizer->bos() : kUsualBos);
  if (tokenizer) info.start = tokenizer->decode(head(tokens, kStartTokens));
  return info;
}

void print_json(const InfoOptions& options, const Info& info) {
  nlohmann::ordered_json json = {{"file", options.file},        {"tokens", info.tokens},
                                 {"megabytes", info.megabytes}, {"first", info.first},
                                 {"min", info.stats.smallest},  {"max", info.stats.largest},
                                 {"used", info.stats.used},     {"documents", info.stats.documents}};
  if (!info.start.empty()) json["start"] = info.start;
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;  // a path need not be UTF-8
  fmt::print("{}\n", json.dump(2, ' ', false, kReplace));
}

void print_text(const InfoOptions& options, const Info& info) {
  fmt::print("{}: {} tokens ({:.1f} MB)\n", options.file, info.tokens, info.megabytes);
  fmt::print("first ids: {}\n", fmt::join(info.first, " "));
  fmt::print("ids from {} to {}, {} different\n", info.stats.smallest, info.stats.largest, info.stats.used);
  fmt::print("documents: {}\n", info.stats.documents);
  if (!info.start.empty()) fmt::print("starts: {}\n", info.start);
}

void add_info(CLI::App& data, Action& action) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* app = data.add_subcommand("info", "Say what a token file holds");
  app->add_option("FILE", options->file, "A token file")->required();
  CLI::Option* tokenizer =
      app->add_option("--tokenizer", options->tokenizer, "Check the ids by it and decode the start");
  app->add_option("--vocab", options->vocab_size, "Check that every id is below this")
      ->capture_default_str()
      ->check(kCount)
      ->excludes(tokenizer);
  app->add_flag("--json", options->json, "For machines");
  app->footer("Example: anemone data info stories.bin --tokenizer stories.model");
  app->callback([&action, options] {
    action = [options]() -> Result<> {
      const Info info = TRY(look_at(*options));
      options->json ? print_json(*options, info) : print_text(*options, info);
      return {};
    };
  });
}

}  // namespace

void add_data(CLI::App& app, Action& action) {
  CLI::App* data = app.add_subcommand("data", "Make, tokenise, fetch or look at a corpus");
  data->require_subcommand(1);
  add_synth(*data, action);
  add_prepare(*data, action);
  add_download(*data, action);
  add_info(*data, action);
}

}  // namespace anemone::cli
