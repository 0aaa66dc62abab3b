#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/check.h"
#include "train/pipeline.h"
#include "train/single_layer.h"

namespace anemone::train {
namespace {

using text::TokenFile;

// Overflows in a row that a dynamic loss scale is given to find its level: from its largest to its smallest.
constexpr int64_t kMostSkipped = 24;

LossScaler make_scaler(const TrainOptions& options) {
  switch (options.scaling) {
    case LossScaling::none:
      return LossScaler::none();
    case LossScaling::fixed:
      return LossScaler::fixed(options.fixed_scale);
    case LossScaling::dynamic:
      return LossScaler::dynamic();
  }
  return LossScaler::none();
}

// The ids that the data shows, read a piece at a time.
CompactVocabulary compact_vocabulary(const TokenFile& tokens, int64_t vocab) {
  UsedTokens used(vocab);
  std::vector<int32_t> piece;
  constexpr int64_t kPiece = 1 << 16;
  for (int64_t at = 0; at < tokens.size(); at += kPiece) {
    piece.resize(static_cast<size_t>(std::min(kPiece, tokens.size() - at)));
    tokens.copy(at, piece);
    used.add(piece);
  }
  return CompactVocabulary(used);
}

// Where documents begin in [begin, end): at the BOS of SentencePiece's and llama2.c's vocabularies.
std::vector<int64_t> document_starts(const TokenFile& tokens, int64_t begin, int64_t end) {
  constexpr int32_t kBos = 1;
  std::vector<int64_t> starts;
  for (int64_t at = begin; at < end; ++at) {
    if (tokens[at] == kBos) starts.push_back(at);
  }
  return starts;
}

// What else to try against values that are no numbers.
const char* advice(const TrainOptions& options) {
  return options.precision == Precision::fp16 ? " or with --precision fp32" : "";
}

}  // namespace

std::string best_path(const std::string& checkpoint) {
  std::filesystem::path path(checkpoint);
  return path.replace_extension(".best" + path.extension().string()).string();
}

Trainer::Trainer(TrainerSetup setup)
    : setup_(std::move(setup)),
      weights_(setup_.config),
      gradients_(setup_.config),
      optimizer_(setup_.config, setup_.options.adam),
      scaler_(make_scaler(setup_.options)) {
  setup_.options.schedule.total = setup_.options.steps;
  state_.scaler = scaler_.state();
  const auto tokens = static_cast<size_t>(setup_.options.batch * setup_.options.seq);
  inputs_.resize(tokens);
  targets_.resize(tokens);
}

Result<std::unique_ptr<Trainer>> Trainer::create(Device& device, TrainerSetup setup) {
  TRY(train::validate(setup.options));
  TRY(model::validate(setup.config));
  if (!setup.checkpoint.empty()) TRY(AtomicFile::create(setup.checkpoint));  // rather now than after the first hour
  auto trainer = std::unique_ptr<Trainer>(new Trainer(std::move(setup)));
  if (trainer->setup_.options.task == Task::language_model) TRY(trainer->open_data());
  TRY(trainer->create_objective(device));
  return trainer;
}

// The windows held out stand at the end of the data; where they would be more than a tenth of it, there are none.
Result<> Trainer::open_data() {
  TrainOptions& o = setup_.options;
  const int64_t size = setup_.tokens->size();
  state_.tokens = size;
  o.validation -= o.validation % o.batch;
  if (o.validation * o.seq * 10 > size) o.validation = 0;
  const int64_t training = size - o.validation * o.seq;
  const SamplerOptions sampling{o.sampling, o.seed};
  if (o.sampling == Sampling::documents) {
    sampler_ = TRY(Sampler::create(sampling, training, o.seq, document_starts(*setup_.tokens, 0, training)));
    held_out_ = document_starts(*setup_.tokens, training, size - o.seq);
  } else {
    sampler_ = TRY(Sampler::create(sampling, training, o.seq));
    for (int64_t at = training - 1; at + o.seq < size; at += o.seq) held_out_.push_back(at);
  }
  const auto whole_batches = std::min(o.validation, std::ssize(held_out_) / o.batch * o.batch);
  held_out_.resize(static_cast<size_t>(whole_batches));
  if (o.compact_vocabulary) vocabulary_ = compact_vocabulary(*setup_.tokens, setup_.config.vocab);
  return {};
}

Result<> Trainer::create_objective(Device& device) {
  const TrainOptions& o = setup_.options;
  if (o.task == Task::single_layer) {
    const model::Geometry geometry{setup_.config, o.batch, o.seq, o.dtype()};
    objective_ = TRY(SingleLayer::create(device, geometry, o.source, o.offload, o.precision));
    return {};
  }
  objective_ = TRY(Pipeline::create(device, setup_.config,
                                    {.source = o.source,
                                     .offload = o.offload,
                                     .precision = o.precision,
                                     .batch = o.batch,
                                     .seq = o.seq,
                                     .vocabulary = vocabulary_ ? &*vocabulary_ : nullptr}));
  return {};
}

void Trainer::initialize() { model::initialize(weights_, setup_.config, setup_.options.seed, setup_.options.init); }

void Trainer::start_from(model::Parameters weights) { weights_ = std::move(weights); }

Result<> Trainer::resume(Checkpoint checkpoint) {
  if (checkpoint.config != setup_.config) {
    return fail(
        "the checkpoint's model {} is another than this run's {}: resume with the configuration it was made with",
        model::to_json(checkpoint.config), model::to_json(setup_.config));
  }
  if (checkpoint.state.tokens != state_.tokens) {
    return fail("the run was started on {} tokens, but the data has {}: resume with the data it was started on",
                checkpoint.state.tokens, state_.tokens);
  }
  const TrainOptions &then = checkpoint.options, &now = setup_.options;
  const bool same_scaling = then.scaling == now.scaling && then.fixed_scale == now.fixed_scale;
  if (!same_scaling && checkpoint.state.accumulated > 0) {
    return fail("the run was stopped between two updates: resume it with the loss scaling that it had");
  }
  if (!same_scaling) checkpoint.state.scaler = scaler_.state();
  state_ = checkpoint.state;
  weights_ = std::move(checkpoint.weights);
  optimizer_.m() = std::move(checkpoint.m);
  optimizer_.v() = std::move(checkpoint.v);
  if (checkpoint.gradients) gradients_ = *std::move(checkpoint.gradients);
  std::ranges::copy(checkpoint.used_rows, optimizer_.used_rows().begin());
  optimizer_.set_updates(state_.updates);
  scaler_.restore(state_.scaler);
  if (sampler_) sampler_->resume(state_.drawn);
  return {};
}

Result<RunSummary> Trainer::run(TrainingObserver& observer) {
  CHECK(!setup_.checkpoint.empty());
  const Stopwatch wall;
  summary_ = {.first_step = state_.step};
  TRY(stage());
  summary_.compile_ms = objective_->timers().milliseconds(Timer::compile);
  bool stopping = false;
  while (state_.step < setup_.options.steps && !stopping) {
    const StepReport report = TRY(step());
    ++summary_.steps;
    summary_.train_ms += report.milliseconds - report.timers[static_cast<size_t>(Timer::compile)];
    summary_.compile_ms += report.timers[static_cast<size_t>(Timer::compile)];
    add(summary_.device, report.device);
    observer.on_step(report);
    stopping = observer.wants_stop();
    const bool planned = state_.step % setup_.options.save_every == 0 || state_.step == setup_.options.steps;
    const bool asked = observer.wants_save();
    if (planned || stopping || asked) TRY(save(observer, planned));
  }
  summary_.finished = state_.step >= setup_.options.steps;
  summary_.wall_ms = wall.seconds() * 1e3;
  return summary_;
}

// Sequence `b` of the batch: inputs from `begin` on, targets one further.
void Trainer::load_window(int64_t b, int64_t begin) {
  const auto seq = static_cast<size_t>(setup_.options.seq), at = static_cast<size_t>(b) * seq;
  setup_.tokens->copy(begin, std::span(inputs_).subspan(at, seq));
  setup_.tokens->copy(begin + 1, std::span(targets_).subspan(at, seq));
}

void Trainer::next_batch() {
  if (!sampler_) return;
  for (int64_t b = 0; b < setup_.options.batch; ++b) load_window(b, sampler_->next());
  state_.drawn = sampler_->drawn();
}

Result<StepReport> Trainer::step() {
  const Stopwatch watch;
  Timers& timers = objective_->timers();
  timers.clear();
  const TrainOptions& o = setup_.options;
  StepReport report{.step = state_.step, .rate = o.schedule.rate(state_.step), .loss_scale = scaler_.scale()};
  next_batch();
  const Into into = state_.accumulated == 0 ? Into::assign : Into::add;
  report.loss = TRY(objective_->step(inputs_, targets_, static_cast<float>(scaler_.scale()), into, gradients_));
  if (!std::isfinite(report.loss)) {
    return fail("the loss of step {} is not a number: start again from the last checkpoint with a lower --lr{}",
                state_.step, advice(o));
  }
  ++state_.step;
  ++state_.accumulated;
  state_.last_loss = report.loss;
  state_.loss_sum += report.loss;
  ++state_.loss_count;
  if (state_.step % o.accumulation == 0 || state_.step == o.steps) TRY(update(report));
  report.milliseconds = watch.seconds() * 1e3;
  report.device = timers.device();
  for (size_t i = 0; i < report.timers.size(); ++i) report.timers[i] = timers.milliseconds(static_cast<Timer>(i));
  return report;
}

// The accumulated gradients, divided by their number and the loss scale and clipped, move the weights.
Result<> Trainer::update(StepReport& report) {
  const TrainOptions& o = setup_.options;
  objective_->finish();
  {
    const auto scope = objective_->timers().measure(Timer::adam);
    const double mean = 1 / (static_cast<double>(state_.accumulated) * scaler_.scale());
    const double norm = std::sqrt(squared_norm(gradients_)) * mean;
    report.norm = norm;
    report.skipped = !scaler_.accept(std::isfinite(norm));
    if (report.skipped && (o.scaling != LossScaling::dynamic || scaler_.skipped() > kMostSkipped)) {
      return fail("the gradients of step {} overflow{}: start again from the last checkpoint with a lower --lr{}",
                  report.step, o.scaling == LossScaling::dynamic ? " at every loss scale" : "", advice(o));
    }
    if (!report.skipped) {
      const float scale = static_cast<float>(mean) * clip_factor(norm, o.clip);
      optimizer_.step(weights_, gradients_, {static_cast<float>(report.rate), scale}, objective_.get());
    }
  }
  state_.accumulated = 0;
  state_.updates = optimizer_.updates();
  state_.scaler = scaler_.state();
  const Result<> restaged = objective_->restage();
  return restaged ? restaged : keep(restaged.error());
}

// The update is done, but the device takes no more: as an engine does whose compiles are spent.
Result<> Trainer::keep(const Error& error) {
  if (setup_.checkpoint.empty()) return tl::unexpected(error);
  TRY(write(setup_.checkpoint));
  return fail("{}; the run is kept at step {}: go on with --resume --ckpt {}", error.message, state_.step,
              setup_.checkpoint);
}

// The windows held out, in order.
Result<std::optional<double>> Trainer::validate() {
  if (held_out_.empty()) return std::nullopt;
  const int64_t batch = setup_.options.batch, windows = std::ssize(held_out_);
  double total = 0;
  for (int64_t w = 0; w < windows; w += batch) {
    for (int64_t b = 0; b < batch; ++b) load_window(b, held_out_[static_cast<size_t>(w + b)]);
    total += TRY(objective_->loss(inputs_, targets_)) * static_cast<double>(batch);
  }
  return total / static_cast<double>(windows);
}

// By the validation loss or, without one, the mean since the last time, says whether the weights are the best so far.
Result<> Trainer::judge(CheckpointReport& report) {
  report.validation = TRY(validate());
  const double judged = report.validation.value_or(state_.loss_sum / static_cast<double>(state_.loss_count));
  report.best = judged < state_.best_loss;
  state_.best_loss = std::min(judged, state_.best_loss);
  state_.loss_sum = 0;
  state_.loss_count = 0;
  return {};
}

// Only planned checkpoints are judged, for a stop must leave no trace in the resumed run; until there is a best one, a
// stopped run's last stands in for it.
Result<> Trainer::save(TrainingObserver& observer, bool planned) {
  if (!std::isfinite(squared_norm(weights_))) {
    return fail("the weights after step {} are no numbers: start again from the last checkpoint with a lower --lr",
                state_.step - 1);
  }
  CheckpointReport report{.path = setup_.checkpoint, .step = state_.step, .best = std::isinf(state_.best_loss)};
  if (planned) TRY(judge(report));
  TRY(write(setup_.checkpoint));
  if (report.best) TRY(write(best_path(setup_.checkpoint)));
  observer.on_checkpoint(report);
  return {};
}

Result<> Trainer::write(const std::string& path) {
  objective_->finish();
  const CheckpointView view{setup_.config,
                            setup_.options,
                            state_,
                            weights_,
                            optimizer_.m(),
                            optimizer_.v(),
                            state_.accumulated > 0 ? &gradients_ : nullptr,
                            optimizer_.used_rows(),
                            setup_.tokenizer,
                            setup_.data};
  return save_checkpoint(path, view);
}

}  // namespace anemone::train
