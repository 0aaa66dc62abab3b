#include "cli/train_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>

namespace anemone::cli {
namespace {

using nlohmann::json;

// Seconds since 1970, to the millisecond.
double now() {
  using std::chrono::milliseconds;
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<milliseconds>(since).count()) / 1e3;
}

// A lock on the whole file, of the process: it ends with it. Where the file system knows no locks, there is none.
Result<> lock(int file, const std::string& path) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(file, F_SETLK, &whole) == 0 || (errno != EACCES && errno != EAGAIN)) return {};
  const bool known = fcntl(file, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  return fail("{} is the log of a run that is under way{}: choose another --log", path,
              known ? fmt::format(" (process {})", whole.l_pid) : "");
}

json model_fields(const model::Config& c) {
  const int64_t embedding = c.vocab * c.dim * (c.tied ? 1 : 2);
  return {{"model", c.name},
          {"layers", c.layers},
          {"dim", c.dim},
          {"hidden", c.hidden},
          {"heads", c.heads},
          {"kv_heads", c.kv_heads},
          {"head_dim", c.head_dim},
          {"vocab", c.vocab},
          {"parameters", c.parameter_count()},
          {"embedding_parameters", embedding}};
}

json option_fields(const train::TrainOptions& o) {
  const char* schedule = o.schedule.kind == train::Schedule::Kind::cosine ? "cosine" : "constant";
  return {{"precision", to_string(o.precision)},
          {"weights", name_of(o.source)},
          {"offload", name_of(o.offload)},
          {"optimizer", optimizer_name(o)},
          {"schedule", schedule},
          {"lr", o.schedule.peak},
          {"batch", o.batch},
          {"seq", o.seq},
          {"accumulation", o.accumulation},
          {"steps", o.steps},
          {"save_every", o.save_every}};
}

}  // namespace

const char* name_of(model::WeightSource source) { return source == model::WeightSource::baked ? "baked" : "dynamic"; }

const char* name_of(train::Offload offload) { return offload == train::Offload::core ? "core" : "full"; }

const char* optimizer_name(const train::TrainOptions& options) {
  return options.adam.weight_decay > 0 ? "AdamW" : "Adam";
}

std::string kernel_count(const RunDescription& run) {
  const int64_t layers = run.config.layers;
  if (run.options.source == model::WeightSource::dynamic) return "10, compiled once";
  return fmt::format("{} ({} weight-bearing + {} sdpaBwd2)", 6 * layers, 5 * layers, layers);
}

// What is there is cut off only once the file is ours.
Result<std::unique_ptr<TrainLog>> TrainLog::open(const std::string& path, bool append) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return fail("cannot write {}: {}", path, std::strerror(errno));
  std::unique_ptr<TrainLog> log(new TrainLog(fdopen(file, "a")));
  TRY(lock(file, path));
  if (!append && ftruncate(file, 0) != 0) return fail("cannot write {}: {}", path, std::strerror(errno));
  return log;
}

// Paths and names need not be UTF-8.
void TrainLog::write(json line) {
  line["time"] = now();
  fmt::print(file_, "{}\n", line.dump(-1, ' ', false, json::error_handler_t::replace));
  std::fflush(file_);
}

void TrainLog::begin(const RunDescription& run) {
  const train::StepFlops flops = train::step_flops(run.config, run.options.batch, run.options.seq);
  json line = model_fields(run.config);
  line.update(option_fields(run.options));
  line.update(json{{"type", "run"},
                   {"pid", getpid()},
                   {"device", run.device.name},
                   {"device_description", run.device.description},
                   {"kernels", kernel_count(run)},
                   {"first_step", run.resumed_at},
                   {"data_tokens", run.tokens},
                   {"checkpoint", run.checkpoint},
                   {"best_checkpoint", run.checkpoint.empty() ? "" : train::best_path(run.checkpoint)},
                   {"flops", flops.total()},
                   {"device_flops", flops.on_device(run.options.offload == train::Offload::full)}});
  if (run.device.peak_flops) line["device_peak_flops"] = *run.device.peak_flops;
  write(std::move(line));
}

void TrainLog::step(const RunDescription& run, const train::StepReport& report) {
  json line{{"type", "step"},
            {"step", report.step},
            {"loss", report.loss},
            {"lr", report.rate},
            {"ms", report.milliseconds},
            {"loss_scale", report.loss_scale},
            {"skipped", report.skipped},
            {"tokens", run.options.batch * run.options.seq},
            {"device", run.device.name}};
  if (report.norm && std::isfinite(*report.norm)) line["grad_norm"] = *report.norm;
  if (report.device) {
    line["device_ms"] = report.device->milliseconds;
    line["device_ms_modelled"] = report.device->modelled;
  }
  for (size_t i = 0; i < report.timers.size(); ++i) {
    line[fmt::format("t_{}", train::kTimerNames[i])] = report.timers[i];
  }
  write(std::move(line));
}

void TrainLog::checkpoint(const train::CheckpointReport& report) {
  json line{{"type", "checkpoint"}, {"step", report.step}, {"path", report.path}, {"best", report.best}};
  if (report.validation) line["validation_loss"] = *report.validation;
  write(std::move(line));
}

void TrainLog::pause(int64_t step, bool paused) { write({{"type", "pause"}, {"step", step}, {"paused", paused}}); }

void TrainLog::end(const train::RunSummary& s) {
  json line{{"type", "end"},
            {"step", s.first_step + s.steps},
            {"reason", s.finished ? "finished" : "stopped"},
            {"steps", s.steps},
            {"wall_ms", s.wall_ms},
            {"train_ms", s.train_ms},
            {"compile_ms", s.compile_ms}};
  if (s.device) {
    line["device_ms"] = s.device->milliseconds;
    line["device_ms_modelled"] = s.device->modelled;
  }
  write(std::move(line));
}

void TrainLog::error(const Error& error) { write({{"type", "error"}, {"message", error.message}}); }

}  // namespace anemone::cli
