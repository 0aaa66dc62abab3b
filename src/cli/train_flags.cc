#include "cli/train_flags.h"

#include <filesystem>

#include "cli/choices.h"

namespace anemone::cli {
namespace {

void add_model_flags(CLI::App& app, TrainFlags& f) {
  app.add_option("--preset", f.preset, "A program of the seed: train_large, train_large_ane, dynamic, single_layer");
  app.add_option("--config", f.config, "A built-in model or a JSON file [tiny; stories110m with --data]");
  app.add_option("--init,--model", f.init, "Start from the weights of this file (.bin or .safetensors)");
  app.add_option("--data", f.data, "Token file, see `anemone data` [stories of a built-in grammar]");
  app.add_option("--tokenizer", f.tokenizer, "What the data was tokenised with: kept with the checkpoint");
}

void add_run_flags(CLI::App& app, TrainFlags& f) {
  add_device_flags(app, f.on);
  add_choice(app, "--weights", f.weights, kWeightSources, "In the programs, or beside the activations [baked]");
  add_choice(app, "--offload", f.offload, kOffloads, "Matrix work alone on the device, or norms and head too [core]");
  app.add_flag("--no-ane-extras", f.no_ane_extras, "The same as --offload core");
  app.add_option("--threads", f.threads, "Threads of the host [all]")->check(CLI::Range(1, 1024));
  app.add_option("--ckpt", f.checkpoint,
                 "Checkpoint [runs/NAME.safetensors, of preset or model]; the best stands beside it");
  app.add_flag("--resume", f.resume, "Go on from the checkpoint, as if never stopped");
  app.add_flag("--scratch", f.scratch, "Start over where a checkpoint stands already");
  app.add_option("--save-every", f.save_every, "Steps from one checkpoint to the next [500]");
  app.add_option("--log", f.log, "One JSON object a step and event into this file, for `anemone dashboard --attach`");
  app.add_flag("--golden", f.golden, "Compare the losses with those that real engines published, and keep nothing");
}

void add_schedule_flags(CLI::App& app, TrainFlags& f) {
  app.add_option("--steps", f.steps, "Forward and backward passes [10000; small models: 1500]");
  app.add_option("--lr", f.rate, "Peak learning rate [3e-4; small models: 4e-3]");
  app.add_option("--warmup", f.warmup, "Steps of linear rise [100]");
  add_choice(app, "--schedule", f.schedule, kSchedules, "How the rate goes on after the warm-up [cosine]");
  app.add_option("--accum", f.accumulation, "Steps from one update to the next [1]");
  app.add_option("--batch", f.batch, "Sequences a step [1; small models: 4]");
  app.add_option("--seq", f.seq, "Tokens a sequence [the model's]");
  add_choice(app, "--windows", f.windows, kWindows, "Where training windows begin [anywhere; built-in: documents]");
  app.add_option("--clip", f.clip, "Largest global norm of the gradients; 0: none [1]");
  app.add_option("--weight-decay", f.weight_decay, "AdamW's, on matrices [0.1]");
  app.add_option("--loss-scale", f.loss_scale, "dynamic, none or a number [dynamic at fp16, else none]");
  app.add_option("--seed", f.seed, "Of initialisation and sampling [42]");
  app.add_option("--val-windows", f.validation,
                 "Windows at the end held out for validation, if at most a tenth of the data [16]");
  app.add_flag("--compact-vocab", f.compact_vocabulary, "The classifier knows only the tokens that the data uses");
}

}  // namespace

void add_train_flags(CLI::App& app, TrainFlags& f) {
  add_model_flags(app, f);
  add_run_flags(app, f);
  add_schedule_flags(app, f);
  app.add_option("MODEL", f.init, "The seed's positional arguments: weights to start from,");
  app.add_option("SEQ", f.seq, "tokens a sequence,");
  app.add_option("STEPS", f.steps, "steps,");
  app.add_option("LR", f.rate, "learning rate");
}

std::string default_checkpoint(const std::string& name) {
  return (std::filesystem::path("runs") / name).string() + ".safetensors";
}

std::string config_name(const TrainFlags& flags) { return flags.config.value_or(flags.data ? "stories110m" : "tiny"); }

}  // namespace anemone::cli
