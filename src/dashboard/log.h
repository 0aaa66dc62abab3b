// Follows the log of a run, `anemone train --log FILE`, as it grows: one JSON object a line, described by
// docs/anemone-log-1.schema.json.
//
//   LogFollower log("runs/tiny.jsonl");
//   const News news = TRY(log.poll());                  // what came since the last call
//   if (news.anew) run = {};                            // truncated or replaced: it begins again
//   for (const Record& record : news.records) run.take(record);
//
// What is no record (garbage, other types) is passed over and counted; a last line without its end waits for it.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "train/metrics.h"

namespace anemone::dashboard {

// Times are seconds since 1970; 0: the log does not tell. Text is as the log has it: to be made printable, or escaped,
// before it is shown.

// A process begins or resumes the run.
struct RunRecord {
  double time = 0;
  int64_t pid = 0;
  std::string model, device, device_description, precision, weights, offload, kernels, optimizer, schedule;
  std::string checkpoint, best_checkpoint;  // absolute paths
  int64_t layers = 0, dim = 0, hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, vocab = 0, seq = 0;
  int64_t parameters = 0, embedding_parameters = 0;
  int64_t batch = 0, accumulation = 0, steps = 0, save_every = 0;
  int64_t first_step = 0;  // above 0: resumed
  int64_t data_tokens = 0;
  double rate = 0;                               // the peak learning rate
  double flops = 0, device_flops = 0;            // a step
  std::optional<double> device_peak_flops = {};  // a second
};

struct StepRecord {
  double time = 0;
  int64_t step = 0;  // from 0
  double loss = 0;   // NaN where the log has null
  double rate = 0, milliseconds = 0, loss_scale = 1;
  int64_t tokens = 0;
  bool skipped = false;
  std::optional<double> norm = {};
  std::optional<train::DeviceTime> device = {};
  std::array<double, train::kTimerNames.size()> timers = {};  // milliseconds, by train::Timer
};

struct CheckpointRecord {
  double time = 0;
  int64_t step = 0;
  std::string path;
  bool best = false;
  std::optional<double> validation = {};
};

// The run stands still after a step, or goes on.
struct PauseRecord {
  double time = 0;
  int64_t step = 0;
  bool paused = false;
};

// The process is done with the run, its checkpoint saved.
struct EndRecord {
  double time = 0;
  int64_t step = 0;
  bool finished = false;  // false: it was asked to stop
};

// The run failed.
struct ErrorRecord {
  double time = 0;
  std::string message;
};

using Record = std::variant<RunRecord, StepRecord, CheckpointRecord, PauseRecord, EndRecord, ErrorRecord>;

// Nothing where the line is no record.
std::optional<Record> parse_record(std::string_view line);

struct News {
  bool anew = false;  // what was read before is void
  std::vector<Record> records;
  bool more = false;  // there is more to read at once
};

class LogFollower {
 public:
  explicit LogFollower(std::string path) : path_(std::move(path)) {}
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;
  ~LogFollower();

  // Reads a few megabytes at most. Fails where the file is not there (yet) or cannot be read; later calls try again.
  Result<News> poll();
  // The process that writes the log: a trainer holds a lock on it for as long as it lives. None: nobody writes.
  std::optional<pid_t> writer() const;

  const std::string& path() const { return path_; }
  int64_t garbage() const { return garbage_; }  // lines that were no record

 private:
  Result<bool> reopen_if_replaced();
  bool rewritten(int64_t size) const;
  void begin_again();
  void take(std::string_view piece, std::vector<Record>& records);
  void take_line(std::string_view line, std::vector<Record>& records);

  std::string path_;
  int file_ = -1;
  int64_t offset_ = 0;     // bytes read
  std::string read_last_;  // the bytes before it, by which a file that was written anew is told
  std::string line_;       // begun, not ended
  bool overlong_ = false;  // that line is too long for a record: passed over
  int64_t garbage_ = 0;
};

}  // namespace anemone::dashboard
