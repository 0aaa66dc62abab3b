#include "dashboard/preview.h"

#include <filesystem>

#include "text/utf8.h"

namespace anemone::dashboard {
namespace {

constexpr size_t kLongestText = 1 << 16;

// What a failed one said last, without the program's name.
std::string last_line(const std::string& text) {
  std::string line;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) line = text.substr(at, end - at);
    at = end + 1;
  }
  constexpr std::string_view kName = "anemone: ";
  return line.starts_with(kName) ? line.substr(kName.size()) : line;
}

}  // namespace

void Preview::poll(const Run& run) {
  if (process_) {
    const std::optional<ProcessEnd> end = process_->ended();  // before what it wrote last is read
    output_ += process_->read();
    if (output_.size() > kLongestText) output_.resize(kLongestText);
    if (end) finish(*end);
  } else if (due(run)) {
    start(run);
  }
}

// Automatically only of a checkpoint that has not been shown, and while the run goes on: nobody waits for more later.
bool Preview::due(const Run& run) const {
  if (asked_) return true;
  const bool has_new = !run.checkpoints().empty() && run.checkpoints().back().time > previewed_time_;
  return options_.automatic && has_new && Clock::now() >= next_;
}

void Preview::start(const Run& run) {
  asked_ = false;
  started_ = Clock::now();
  next_ = started_ + options_.interval;
  if (run.checkpoints().empty() || !run.description() || run.description()->checkpoint.empty()) {
    error_ = "there is no checkpoint yet: save one first";
    return;
  }
  const CheckpointRecord& checkpoint = run.checkpoints().back();
  previewed_time_ = checkpoint.time;
  starting_step_ = checkpoint.step;
  std::vector<std::string> words = {options_.program, "generate",
                                    "--model",        run.description()->checkpoint,
                                    "--steps",        "64",
                                    "--top-k",        "50",
                                    "--temperature",  "0.8",
                                    "--threads",      "1",
                                    "--seed",         std::to_string(checkpoint.step % 1'000'000)};
  words.insert(words.end(), options_.flags.begin(), options_.flags.end());
  Result<Process> process = Process::start(words, {.idle = true});
  output_.clear();
  if (process) {
    process_ = *std::move(process);
  } else {
    error_ = process.error().message;
  }
}

void Preview::finish(const ProcessEnd& end) {
  process_.reset();
  const auto took = Clock::now() - started_;
  next_ = std::max(next_, started_ + std::chrono::duration_cast<Clock::duration>(took * (1 + options_.rest)));
  if (end.well()) {
    error_.clear();
    text_ = text::valid_utf8(output_);
    step_ = starting_step_;
  } else {
    const std::string said = text::valid_utf8(last_line(output_));
    error_ = said.empty() ? to_string(end) : said;
  }
}

}  // namespace anemone::dashboard
