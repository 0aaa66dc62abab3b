#include "cli/train_output.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <thread>

#include "model/parameters.h"

namespace anemone::cli {
namespace {

using train::Timer;

std::atomic<bool> run_begun = false, stop_requested = false, save_requested = false;
std::atomic<bool> may_go_on = false;  // wakes a pause

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : signals) sigaddset(&set, signal);
  return set;
}

// Before the run has begun, and when it is asked again, the signal does what it does by default.
void request_stop(int signal) {
  if (run_begun && !stop_requested.exchange(true)) return;
  std::signal(signal, SIG_DFL);
  const sigset_t set = set_of({signal});
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  std::raise(signal);
}

void take(int signal) {
  if (signal == SIGINT || signal == SIGTERM) request_stop(signal);
  if (signal == SIGUSR1) {
    save_requested = true;
    return;
  }
  may_go_on = true;
  may_go_on.notify_one();
}

// SIGTSTP stays blocked and pending from its arrival until a step has ended. So a SIGCONT at any time takes it back:
// the system drops the one where it delivers the other, and no order of the two is lost.
bool pause_requested() {
  may_go_on = false;
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTSTP) == 1;
}

// Lets the pending SIGTSTP stop the process, as a shell expects of one in its foreground; where the system ignores it
// (no shell could continue the process: an orphaned group), only this thread stands still. Then waits for SIGCONT or a
// stop.
void stand_still() {
  const sigset_t set = set_of({SIGTSTP});
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  may_go_on.wait(false);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

constexpr int64_t kLines = 10;  // steps from one plain line to the next, as the seed's

std::string duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

// "21.3 ms/step (modelled)"; a device's own clock is never taken for the host's.
std::string per_step(const train::DeviceTime& time, int64_t steps) {
  return fmt::format("{:.1f} ms/step{}", time.milliseconds / static_cast<double>(steps),
                     time.modelled ? " (modelled)" : "");
}

double millions(int64_t count) { return static_cast<double>(count) / 1e6; }

}  // namespace

void listen_to_signals() {
  const sigset_t blocked = set_of({SIGINT, SIGTERM, SIGCONT, SIGUSR1, SIGTSTP});
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  std::thread([] {
    const sigset_t taken = set_of({SIGINT, SIGTERM, SIGCONT, SIGUSR1});
    for (int signal = 0; sigwait(&taken, &signal) == 0;) take(signal);
  }).detach();
}

Result<std::unique_ptr<TrainOutput>> TrainOutput::create(RunDescription run, const std::string& path) {
  std::unique_ptr<TrainLog> log;
  if (!path.empty()) log = TRY(TrainLog::open(path, run.resumed_at > 0));
  return std::unique_ptr<TrainOutput>(new TrainOutput(std::move(run), std::move(log)));
}

TrainOutput::TrainOutput(RunDescription run, std::unique_ptr<TrainLog> log)
    : run_(std::move(run)), log_(std::move(log)), terminal_(isatty(STDOUT_FILENO) != 0) {}

TrainOutput::~TrainOutput() {
  if (terminal_) fmt::print("\r\033[K");  // an error to come begins its own line
  std::fflush(stdout);
}

void TrainOutput::begin() {
  const model::Config& c = run_.config;
  const train::TrainOptions& o = run_.options;
  if (run_.resumed_at > 0) fmt::print("[RESUMED step {}, loss={:.4f}]\n", run_.resumed_at, run_.resumed_loss);
  fmt::print("=== {} Training: {} ({} layers, GQA {}/{} heads) ===\n", run_.device.name, c.name, c.layers, c.heads,
             c.kv_heads);
  fmt::print("device: {} ({}), precision {}, weights {}, offload {}\n", run_.device.name, run_.device.description,
             to_string(o.precision), name_of(o.source), name_of(o.offload));
  fmt::print("dim={} q_dim={} kv_dim={} hd={} hidden={} seq={} vocab={} layers={}\n", c.dim, c.q_dim(), c.kv_dim(),
             c.head_dim, c.hidden, o.seq, c.vocab, c.layers);
  const int64_t embedding = c.vocab * c.dim * (c.tied ? 1 : 2);
  fmt::print("Params: {:.2f}M (transformer {:.2f}M + embed {:.2f}M)\n", millions(c.parameter_count()),
             millions(c.parameter_count() - embedding), millions(embedding));
  fmt::print("Kernels: {}\n", kernel_count(run_));
  fmt::print("Batch {} x {} tokens, accum {} | {} LR={:.1e} b1={} b2={} wd={} clip={}\n", o.batch, o.seq,
             o.accumulation, optimizer_name(o), o.schedule.peak, o.adam.beta1, o.adam.beta2, o.adam.weight_decay,
             o.clip);
  const train::StepFlops flops = train::step_flops(c, o.batch, o.seq);
  fmt::print("FLOPs/step: fwd={:.0f}M bwd_dx={:.0f}M bwd_dW={:.0f}M sdpa_bwd={:.0f}M total={:.0f}M\n",
             millions(flops.forward), millions(flops.backward_dx), millions(flops.backward_dw),
             millions(flops.attention), millions(flops.total()));
  fmt::print("{} FLOPs/step: {:.0f}M (fwd+bwd_dx+sdpa_bwd{}) | host: dW+cls\n", run_.device.name,
             millions(flops.on_device(o.offload == train::Offload::full)),
             o.offload == train::Offload::full ? "+cls" : "");
  if (run_.tokens > 0) fmt::print("Token data: {} tokens ({:.1f} MB)\n", run_.tokens, millions(run_.token_bytes));
  std::fflush(stdout);
  run_begun = true;
  if (log_) log_->begin(run_);
}

bool TrainOutput::wants_stop() { return stop_requested; }

bool TrainOutput::wants_save() { return save_requested.exchange(false); }

// Between two steps, so that the time is none of theirs.
void TrainOutput::pause(int64_t step) {
  if (log_) log_->pause(step, true);  // first: who reads of it on stdout finds it in the log
  if (terminal_) fmt::print("\r\033[K");
  fmt::print("  [paused after step {}]\n", step);
  std::fflush(stdout);
  stand_still();
  if (log_) log_->pause(step, false);
}

bool TrainOutput::due(const train::StepReport& report) const {
  const int64_t interval = terminal_ ? std::max<int64_t>(kLines, run_.options.steps / 20) : kLines;
  const bool first = report.step == run_.resumed_at, last = report.step + 1 == run_.options.steps;
  return report.step % interval == 0 || first || last || report.skipped;
}

void TrainOutput::on_step(const train::StepReport& report) {
  ++window_.steps;
  window_.milliseconds += report.milliseconds;
  for (size_t i = 0; i < window_.timers.size(); ++i) window_.timers[i] += report.timers[i];
  train::add(window_.device, report.device);
  smoothed_ms_ = smoothed_ms_ == 0 ? report.milliseconds : 0.95 * smoothed_ms_ + 0.05 * report.milliseconds;
  if (log_) log_->step(run_, report);
  if (due(report)) {
    show_line(report);
    window_ = {};
  }
  if (terminal_) show_progress(report);
  if (pause_requested() && !stop_requested) pause(report.step);
}

// step 10   loss=9.1234  lr=3.00e-05  812.1ms/step  315 tokens/s
void TrainOutput::show_line(const train::StepReport& report) {
  const auto tokens = static_cast<double>(run_.options.batch * run_.options.seq);
  const double ms = window_.milliseconds / static_cast<double>(window_.steps);
  if (terminal_) fmt::print("\r\033[K");
  fmt::print("step {:<5} loss={:.4f}  lr={:.2e}  {:.1f}ms/step  {:.0f} tokens/s{}{}\n", report.step, report.loss,
             report.rate, ms, tokens * 1e3 / ms, report.norm ? fmt::format("  grad_norm={:.4f}", *report.norm) : "",
             report.skipped ? fmt::format("  overflow at loss scale {:.0f}: update skipped", report.loss_scale) : "");
  if (!terminal_) show_components();
  std::fflush(stdout);
}

//     cpu=310.2 io=12.1 cls=80.2 elem=9.0 rms=4.1 cblas_wait=0.0 ms/step  dw=301.1 adam=70.3 stage=20.9 compile=0.0
// by the host's clock; then the device's, where it has one:  device time=21.3 ms/step (modelled)
void TrainOutput::show_components() const {
  const auto mean = [&](Timer timer) {
    return window_.timers[static_cast<size_t>(timer)] / static_cast<double>(window_.steps);
  };
  fmt::print("    {}={:.1f} io={:.1f} cls={:.1f} elem={:.1f} rms={:.1f} cblas_wait={:.1f} ms/step", run_.device.name,
             mean(Timer::ane), mean(Timer::io), mean(Timer::cls), mean(Timer::elem), mean(Timer::rms),
             mean(Timer::cblas_wait));
  fmt::print("  dw={:.1f} adam={:.1f} stage={:.1f} compile={:.1f}{}\n", mean(Timer::dw), mean(Timer::adam),
             mean(Timer::stage), mean(Timer::compile),
             window_.device ? "  device time=" + per_step(*window_.device, window_.steps) : "");
}

void TrainOutput::show_progress(const train::StepReport& report) {
  const int64_t done = report.step + 1, total = run_.options.steps;
  const auto tokens = static_cast<double>(run_.options.batch * run_.options.seq);
  fmt::print("\r\033[K{}/{}  loss {:.4f}  lr {:.1e}  {:.0f} tokens/s  {} left", done, total, report.loss, report.rate,
             tokens * 1e3 / smoothed_ms_, duration(static_cast<double>(total - done) * smoothed_ms_ / 1e3));
  if (done == total) fmt::print("\r\033[K");
  std::fflush(stdout);
}

void TrainOutput::on_checkpoint(const train::CheckpointReport& report) {
  if (terminal_) fmt::print("\r\033[K");
  fmt::print("  [ckpt saved: {} at step {}{}{}]\n", report.path, report.step,
             report.validation ? fmt::format(", validation loss={:.4f}", *report.validation) : "",
             report.best ? ", the best so far" : "");
  std::fflush(stdout);
  if (log_) log_->checkpoint(report);
}

void TrainOutput::failed(const Error& error) {
  if (log_) log_->error(error);
}

void TrainOutput::end(const train::RunSummary& s) {
  if (log_) log_->end(s);
  if (s.steps == 0) return;
  const train::StepFlops flops = train::step_flops(run_.config, run_.options.batch, run_.options.seq);
  const double ms = s.train_ms / static_cast<double>(s.steps);
  const auto device_flops = static_cast<double>(flops.on_device(run_.options.offload == train::Offload::full));
  const double device_tflops = device_flops / (ms * 1e9);
  fmt::print("=== Efficiency Report ===\n");
  fmt::print("Total steps:     {}\n", s.steps);
  fmt::print("Wall time:       {:.0f} ms ({:.1f} s)\n", s.wall_ms, s.wall_ms / 1e3);
  fmt::print("Compile time:    {:.0f} ms ({:.1f}%)\n", s.compile_ms, 100 * s.compile_ms / s.wall_ms);
  fmt::print("Train time:      {:.0f} ms ({:.1f}%)\n", s.train_ms, 100 * s.train_ms / s.wall_ms);
  fmt::print("Avg train:       {:.1f} ms/step (host clock)\n", ms);
  if (s.device) fmt::print("Device time:     {}\n", per_step(*s.device, s.steps));
  fmt::print("{} TFLOPS:      {:.3f} sustained\n", run_.device.name, device_tflops);
  fmt::print("Total TFLOPS:    {:.3f} ({}+host)\n", static_cast<double>(flops.total()) / (ms * 1e9), run_.device.name);
  if (run_.device.peak_flops) show_utilization(s, device_flops, ms);
}

// By the device's own clock where it has one.
void TrainOutput::show_utilization(const train::RunSummary& s, double device_flops, double host_ms) const {
  const double ms = s.device ? s.device->milliseconds / static_cast<double>(s.steps) : host_ms;
  const double peak = *run_.device.peak_flops;
  fmt::print("{} utilization: {:.1f}% of {:.1f} TFLOPS{}\n", run_.device.name, 100 * device_flops / (ms * 1e-3) / peak,
             peak / 1e12,
             !s.device            ? ""
             : s.device->modelled ? " in device time (modelled)"
                                  : " in device time");
}

}  // namespace anemone::cli
