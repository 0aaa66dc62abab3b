// anemone train: from flags to a run.
#include <filesystem>
#include <memory>
#include <optional>

#include "base/parallel.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/train_flags.h"
#include "cli/train_golden.h"
#include "cli/train_output.h"
#include "generate/generate.h"
#include "model/weights_file.h"
#include "text/prepare.h"

namespace anemone::cli {
namespace {

namespace fs = std::filesystem;

// A run before its data is known.
struct Plan {
  model::Config config;
  train::TrainOptions options;
  std::optional<model::Parameters> weights;     // to start from
  std::optional<train::Checkpoint> checkpoint;  // to resume
  std::string path;                             // of the checkpoint
};

struct Data {
  std::optional<text::TokenFile> tokens;
  std::string path;       // empty: synthetic
  std::string tokenizer;  // path; empty: unknown
};

template <class T, class U>
void set(const std::optional<T>& flag, U& option) {
  if (flag) option = static_cast<U>(*flag);
}

Result<> apply_loss_scale(const std::string& value, train::TrainOptions& o) {
  if (value == "none" || value == "dynamic") {
    o.scaling = value == "none" ? train::LossScaling::none : train::LossScaling::dynamic;
    return {};
  }
  char* end = nullptr;
  const double scale = std::strtod(value.c_str(), &end);
  if (value.empty() || *end != '\0' || !(scale > 0)) {
    return fail("--loss-scale {} is unknown: choose dynamic, none or a positive number", value);
  }
  o.scaling = train::LossScaling::fixed;
  o.fixed_scale = scale;
  return {};
}

Result<> apply_flags(const TrainFlags& flags, train::TrainOptions& o) {
  set(flags.steps, o.steps);
  set(flags.rate, o.schedule.peak);
  set(flags.warmup, o.schedule.warmup);
  set(flags.accumulation, o.accumulation);
  set(flags.batch, o.batch);
  set(flags.seq, o.seq);
  set(flags.save_every, o.save_every);
  set(flags.validation, o.validation);
  set(flags.clip, o.clip);
  set(flags.weight_decay, o.adam.weight_decay);
  set(flags.seed, o.seed);
  set(flags.schedule, o.schedule.kind);
  set(flags.weights, o.source);
  set(flags.offload, o.offload);
  set(flags.windows, o.sampling);
  if (flags.compact_vocabulary) o.compact_vocabulary = true;
  if (flags.no_ane_extras) o.offload = train::Offload::core;
  if (const Precision p = precision_of(flags.on, o.precision); p != o.precision) {
    o.precision = p;
    o.scaling = train::default_scaling(o.precision);
  }
  if (flags.loss_scale) TRY(apply_loss_scale(*flags.loss_scale, o));
  return train::validate(o);
}

// Under a program's name, as in `train_large --resume`, the checkpoint must be one of that program's.
Result<Plan> resumed_plan(const TrainFlags& flags) {
  if (!flags.checkpoint && !flags.preset) return fail("--resume goes with --ckpt FILE, the checkpoint to go on from");
  Plan plan;
  plan.path = flags.checkpoint ? *flags.checkpoint : default_checkpoint(*flags.preset);
  plan.checkpoint = TRY(train::load_checkpoint(plan.path));
  plan.config = plan.checkpoint->config;
  plan.options = plan.checkpoint->options;
  if (!flags.preset) return plan;
  const train::Preset preset = TRY(train::find_preset(*flags.preset));
  if (preset.options.init == plan.options.init && preset.options.task == plan.options.task) return plan;
  return fail("{} is no run of --preset {}: leave out --preset, for the options come from the checkpoint", plan.path,
              preset.name);
}

// The model and the options that the flags start from: a checkpoint's, a preset's, a file's or a configuration's.
Result<Plan> base_plan(const TrainFlags& flags) {
  if (flags.resume) return resumed_plan(flags);
  Plan plan;
  if (flags.preset) {
    train::Preset preset = TRY(train::find_preset(*flags.preset));
    plan.config = preset.config;
    plan.options = preset.options;
  }
  if (flags.init) {
    model::Model model = TRY(model::load_model(*flags.init));
    plan.config = model.config;  // rotary positions too, whatever the preset: the weights were trained with them
    plan.weights = std::move(model.weights);
  } else if (flags.config || !flags.preset) {
    plan.config = TRY(model::find_config(config_name(flags)));
  }
  if (!flags.preset) plan.options = train::default_options(plan.config);
  plan.path = flags.checkpoint.value_or(default_checkpoint(flags.preset.value_or(plan.config.name)));
  return plan;
}

Result<Plan> make_plan(const TrainFlags& flags) {
  if (flags.resume && (flags.config || flags.init || flags.scratch)) {
    return fail("--resume takes model and options from the checkpoint: leave out --config, --init and --scratch");
  }
  if (flags.init && flags.config) return fail("--init brings its own configuration: leave out --config");
  Plan plan = TRY(base_plan(flags));
  const bool built_in = !flags.resume && !flags.preset && !flags.data;
  if (built_in) plan.options.sampling = train::Sampling::documents;  // whole stories, as they will be told
  TRY(apply_flags(flags, plan.options));
  std::error_code ignored;
  if (!flags.resume && !flags.scratch && fs::exists(plan.path, ignored)) {
    return fail("{} holds an earlier run: go on with --resume --ckpt {}, or start over with --scratch", plan.path,
                plan.path);
  }
  return plan;
}

// A name for `path` as seen from the folder of `from`.
std::string seen_from(const std::string& from, const std::string& path) {
  std::error_code ignored;
  const fs::path relative = fs::relative(path, fs::absolute(from).parent_path(), ignored);
  return relative.empty() ? path : relative.string();
}

// The stories of our own grammar, with a tokenizer learnt from them, which is kept beside the checkpoint.
Result<Data> synthetic_data(const Plan& plan) {
  constexpr int64_t kVocabulary = 1024;
  fmt::print("No --data: training on stories of a built-in grammar.\n");
  std::fflush(stdout);
  Progress progress("making stories", Progress::Unit::bytes);
  text::Corpus corpus =
      TRY(text::synthetic_corpus({.stories = {}, .vocab_size = std::min(kVocabulary, plan.config.vocab)},
                                 [&](int64_t done, int64_t total) { progress.update(done, total); }));
  progress.finish();
  Data data;
  data.tokens = std::move(corpus.tokens);
  data.tokenizer = fs::path(plan.path).replace_extension(".model").string();
  AtomicFile file = TRY(AtomicFile::create(data.tokenizer));
  TRY(file.write(corpus.model));
  TRY(file.commit());
  return data;
}

// A tokenizer decides the vocabulary of a model that is yet to be made; it must fit one that exists.
Result<> fit_vocabulary(const TrainFlags& flags, Plan& plan) {
  const text::Tokenizer tokenizer = TRY(text::Tokenizer::load(*flags.tokenizer));
  const int64_t vocab = tokenizer.vocab_size();
  if (vocab == plan.config.vocab) return {};
  if (plan.weights || plan.checkpoint || flags.preset) {
    return fail("{} has {} tokens, but the model has {}: give the tokenizer that the model was made with",
                *flags.tokenizer, vocab, plan.config.vocab);
  }
  fmt::print("Vocabulary: {} tokens, as {} has them (the configuration says {})\n", vocab, *flags.tokenizer,
             plan.config.vocab);
  plan.config.vocab = vocab;
  return {};
}

Result<Data> open_data(const TrainFlags& flags, Plan& plan) {
  if (plan.options.task == train::Task::single_layer) {
    if (flags.data) return fail("--preset single_layer has its data built in: leave out --data");
    return Data{};
  }
  const std::string stored = plan.checkpoint ? plan.checkpoint->data : "";
  const std::string path = flags.data.value_or(stored);
  if (path.empty()) {
    if (flags.tokenizer) return fail("--tokenizer goes with --data: the built-in stories bring their own");
    return synthetic_data(plan);
  }
  if (flags.tokenizer) TRY(fit_vocabulary(flags, plan));
  Data data;
  data.path = path;
  data.tokenizer = flags.tokenizer.value_or("");
  data.tokens = TRY(text::TokenFile::open(path, {plan.config.vocab, plan.options.seq}));
  return data;
}

// With what the checkpoint does not hold and the bits depend on.
std::string resume_command(const TrainFlags& flags, const Plan& plan) {
  return fmt::format("anemone train --resume --ckpt {}{}{}{}", plan.path,
                     flags.on.device == "cpu" ? "" : " --device " + flags.on.device, flags.on.strict ? " --strict" : "",
                     flags.threads ? fmt::format(" --threads {}", *flags.threads) : "");
}

Result<> make_folder(const std::string& path) {
  std::error_code error;
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error) return fail("cannot make the folder {}: {}", folder.string(), error.message());
  return {};
}

RunDescription describe(const Plan& plan, const Device& device, const Data& data) {
  RunDescription run{.config = plan.config, .options = plan.options, .device = device.info()};
  if (!plan.path.empty()) run.checkpoint = fs::absolute(plan.path).lexically_normal().string();
  if (data.tokens) {
    run.tokens = data.tokens->size();
    run.token_bytes = run.tokens * text::token_width(plan.config.vocab);
  }
  if (plan.checkpoint) {
    run.resumed_at = plan.checkpoint->state.step;
    run.resumed_loss = plan.checkpoint->state.last_loss;
  }
  return run;
}

// What the model has learnt from the built-in stories, in its own words; nothing where it has a vocabulary of its own
// (the presets have), since it could then say tokens that the tokenizer does not know.
Result<> tell_story(Device& device, const Plan& plan, const std::string& tokenizer_path) {
  const model::Model model = TRY(model::load_model(plan.path));
  const text::Tokenizer tokenizer = TRY(text::Tokenizer::load(tokenizer_path));
  if (tokenizer.vocab_size() != model.config.vocab) return {};
  const auto show = [](std::string_view text) -> Result<> {
    fmt::print("{}", text);
    std::fflush(stdout);
    return {};
  };
  fmt::print("\nA story by {}:\n\n", plan.config.name);
  TRY(generate::generate(device, model, tokenizer, "Once upon a time",
                         {.sampling = {.temperature = 0.3}, .dtype = plan.options.dtype()}, show));
  fmt::print("\n\nAnother: anemone generate --model {} --prompt \"Once upon a time\" --temperature 0.3 --seed 1\n",
             plan.path);
  return {};
}

// What the flags ask for, where it is the published run.
Result<Plan> golden_plan(const TrainFlags& flags) {
  if (!flags.data) return fail("--golden goes with --data FILE, the data of the published run");
  const bool keeps = flags.resume || flags.scratch || flags.checkpoint || flags.save_every || flags.log;
  if (keeps || flags.init || flags.config || flags.tokenizer) {
    return fail(
        "--golden follows the published run from its start and keeps nothing: leave out --resume, --scratch, --init, "
        "--config, --tokenizer, --ckpt, --save-every and --log");
  }
  Plan plan = TRY(base_plan(flags));
  TRY(apply_flags(flags, plan.options));
  TRY(train::check_options(train::published_trace(plan.options.offload), plan.config, plan.options));
  return plan;
}

Result<> train_golden(const TrainFlags& flags) {
  Plan plan = TRY(golden_plan(flags));
  const Data data = TRY(open_data(flags, plan));
  const train::GoldenTrace& trace = train::published_trace(plan.options.offload);
  TRY(train::check_data(trace, *data.tokens));
  const std::unique_ptr<Device> device = TRY(open_device(flags.on, plan.options.precision));
  TRY(TrainOutput::create(describe(plan, *device, data), ""))->begin();
  auto trainer =
      TRY(train::Trainer::create(*device, {.config = plan.config, .options = plan.options, .tokens = &*data.tokens}));
  trainer->initialize();
  return show_golden(*trainer, trace, plan.options.steps);
}

// From the start, the weights or the checkpoint of the plan, to its end or a signal.
Result<train::RunSummary> train(Device& device, Plan& plan, const Data& data, TrainOutput& output) {
  auto trainer = TRY(train::Trainer::create(
      device, {.config = plan.config,
               .options = plan.options,
               .tokens = data.tokens ? &*data.tokens : nullptr,
               .checkpoint = plan.path,
               .tokenizer = data.tokenizer.empty() ? (plan.checkpoint ? plan.checkpoint->tokenizer : "")
                                                   : seen_from(plan.path, data.tokenizer),
               .data = data.path.empty() ? "" : fs::absolute(data.path).string()}));
  if (plan.checkpoint) {
    TRY(trainer->resume(*std::move(plan.checkpoint)));
  } else if (plan.weights) {
    trainer->start_from(*std::move(plan.weights));
  } else {
    trainer->initialize();
  }
  output.begin();
  const train::RunSummary summary = TRY(trainer->run(output));
  output.end(summary);
  return summary;
}

Result<> train(const TrainFlags& flags) {
  if (flags.threads) set_thread_count(*flags.threads);
  if (flags.golden) return train_golden(flags);
  listen_to_signals();
  Plan plan = TRY(make_plan(flags));
  TRY(make_folder(plan.path));
  const std::unique_ptr<Device> device = TRY(open_device(flags.on, plan.options.precision));
  const Data data = TRY(open_data(flags, plan));
  const std::unique_ptr<TrainOutput> output =
      TRY(TrainOutput::create(describe(plan, *device, data), flags.log.value_or("")));
  const Result<train::RunSummary> summary = train(*device, plan, data, *output);
  if (!summary) {
    output->failed(summary.error());
    return tl::unexpected(summary.error());
  }
  if (!summary->finished) {
    fmt::print("Stopped after step {}. Go on with: {}\n", summary->first_step + summary->steps,
               resume_command(flags, plan));
  } else if (summary->steps == 0) {
    fmt::print("All of its {} steps are done. Go on with: {} --steps {}\n", plan.options.steps,
               resume_command(flags, plan), 2 * plan.options.steps);
  } else if (data.tokens && data.path.empty()) {
    return tell_story(*device, plan, data.tokenizer);
  }
  return {};
}

}  // namespace

void add_train(CLI::App& root, Action& action) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* app = root.add_subcommand("train", "Train a model; without flags, a small one on stories of our own");
  add_train_flags(*app, *flags);
  app->footer(
      "Example: anemone train\n"
      "         anemone train --config stories15m --data stories.bin --tokenizer stories.model --precision fp16\n"
      "         anemone train --resume --ckpt runs/stories15m.safetensors\n"
      "         anemone train --preset train_large --data tinystories_data00.bin --steps 20 --lr 1e-4 --golden");
  app->callback([&action, flags] {
    if (flags->golden) {
      if (const Result<Plan> plan = golden_plan(*flags); !plan) throw CLI::ValidationError(plan.error().message);
    }
    action = [flags] { return train(*flags); };
  });
}

}  // namespace anemone::cli
