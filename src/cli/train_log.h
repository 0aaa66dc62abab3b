// The log of a run, `anemone train --log FILE`: one JSON object a line, each whole when it is read
// (docs/anemone-log-1.schema.json).
//
//   auto log = TRY(TrainLog::open("run.jsonl", /*append=*/false));
//   log->begin(run);
//   log->step(run, report);
//   log->end(summary);
//
// For as long as the process lives it holds a lock on the file: who watches the run can tell from it that there is a
// trainer, and which.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "base/json.h"
#include "device/device.h"
#include "train/trainer.h"

namespace anemone::cli {

struct RunDescription {
  model::Config config;
  train::TrainOptions options;
  DeviceInfo device;
  std::string checkpoint{};  // absolute path; empty: nothing is kept
  int64_t tokens = 0;
  int64_t token_bytes = 0;
  int64_t resumed_at = 0;
  double resumed_loss = 0;
};

// Programs of a run: those with weights, one a layer where they are baked.
std::string kernel_count(const RunDescription& run);
const char* name_of(model::WeightSource source);
const char* name_of(train::Offload offload);
const char* optimizer_name(const train::TrainOptions& options);

class TrainLog {
 public:
  // Fails where the file cannot be written, or another process is writing it.
  static Result<std::unique_ptr<TrainLog>> open(const std::string& path, bool append);
  ~TrainLog() { std::fclose(file_); }
  TrainLog(const TrainLog&) = delete;
  TrainLog& operator=(const TrainLog&) = delete;

  void begin(const RunDescription& run);
  void step(const RunDescription& run, const train::StepReport& report);
  void checkpoint(const train::CheckpointReport& report);
  void pause(int64_t step, bool paused);
  void end(const train::RunSummary& summary);
  void error(const Error& error);

 private:
  explicit TrainLog(std::FILE* file) : file_(file) {}
  void write(nlohmann::json line);

  std::FILE* file_;
};

}  // namespace anemone::cli
