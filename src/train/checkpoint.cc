#include "train/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/json.h"

namespace anemone::train {
namespace {

using model::StoredTensor;
using nlohmann::json;

constexpr std::string_view kUsedRows = "optimizer.used_rows";

template <class State, class Visit>
void each_field(State& s, const Visit& visit) {
  visit("step", s.step);
  visit("accumulated", s.accumulated);
  visit("updates", s.updates);
  visit("drawn", s.drawn);
  visit("tokens", s.tokens);
  visit("loss_scale", s.scaler.scale);
  visit("loss_scale_good", s.scaler.good);
  visit("loss_scale_skipped", s.scaler.skipped);
  visit("last_loss", s.last_loss);
  visit("best_loss", s.best_loss);
  visit("loss_sum", s.loss_sum);
  visit("loss_count", s.loss_count);
}

// JSON has no infinity: the best loss of a run that has none yet is left out.
std::string to_json(const TrainerState& state) {
  json object;
  each_field(state, [&](const char* name, const auto& field) {
    if (std::isfinite(static_cast<double>(field))) object[name] = field;
  });
  return object.dump();
}

bool read_field(const json& value, int64_t& field) {
  return read_whole(value, 0, std::numeric_limits<int64_t>::max(), field);
}

bool read_field(const json& value, double& field) {
  if (!value.is_number()) return false;
  field = value.get<double>();
  return true;
}

Result<> check_state(const TrainerState& state, const std::string& where) {
  if (state.accumulated <= state.step && state.updates <= state.step && state.scaler.scale > 0) return {};
  return fail("{}: no run reaches its state: {} steps, {} of them since the last of {} updates, a loss scale of {}",
              where, state.step, state.accumulated, state.updates, state.scaler.scale);
}

Result<TrainerState> state_from_json(std::string_view text, const std::string& where) {
  const json object = TRY(parse_json(text, where));
  TrainerState state;
  std::string_view bad;
  each_field(state, [&](std::string_view name, auto& field) {
    const bool present = object.is_object() && object.contains(name);
    const bool valid = present ? read_field(object[name], field) : name == "best_loss";
    if (!valid && bad.empty()) bad = name;
  });
  if (!bad.empty()) return fail("{}: the state of the run lacks a valid \"{}\"", where, bad);
  TRY(check_state(state, where));
  return state;
}

void append(std::vector<StoredTensor>& tensors, std::vector<StoredTensor> more) {
  std::ranges::move(more, std::back_inserter(tensors));
}

Result<std::string> text_of(const model::SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) {
    return fail("{} is not a checkpoint of a training run (it has no \"{}\"): start from its weights with --init",
                file.path(), key);
  }
  return found->second;
}

std::string optional_text(const model::SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  return found == file.metadata().end() ? "" : found->second;
}

Result<std::vector<uint8_t>> read_used_rows(const model::SafetensorsFile& file, const model::Config& config) {
  const StoredTensor* tensor = file.find(kUsedRows);
  const auto rows = static_cast<size_t>(config.tied ? config.vocab : 2 * config.vocab);
  if (tensor == nullptr || tensor->dtype != mil::DType::uint8 || tensor->bytes.size() != rows) {
    return fail("{}: tensor {} is missing or has not {} bytes", file.path(), kUsedRows, rows);
  }
  std::vector<uint8_t> used(rows);
  std::memcpy(used.data(), tensor->bytes.data(), rows);
  return used;
}

}  // namespace

Result<> save_checkpoint(const std::string& path, const CheckpointView& view) {
  std::vector<StoredTensor> tensors = model::stored_tensors(view.weights);
  append(tensors, model::stored_tensors(view.m, "optimizer.m."));
  append(tensors, model::stored_tensors(view.v, "optimizer.v."));
  if (view.gradients != nullptr) append(tensors, model::stored_tensors(*view.gradients, "optimizer.gradient."));
  tensors.push_back(
      {std::string(kUsedRows), mil::DType::uint8, {std::ssize(view.used_rows)}, std::as_bytes(view.used_rows)});
  model::Metadata metadata{
      {"config", model::to_json(view.config)}, {"options", to_json(view.options)}, {"state", to_json(view.state)}};
  if (!view.tokenizer.empty()) metadata["tokenizer"] = view.tokenizer;
  if (!view.data.empty()) metadata["data"] = view.data;
  return model::save_safetensors(path, tensors, std::move(metadata));
}

Result<Checkpoint> load_checkpoint(const std::string& path) {
  const model::SafetensorsFile file = TRY(model::SafetensorsFile::open(path));
  const TrainOptions options = TRY(options_from_json(TRY(text_of(file, "options")), path));
  const TrainerState state = TRY(state_from_json(TRY(text_of(file, "state")), path));
  const model::Config config = TRY(model::stored_config(file));
  model::Parameters weights = TRY(model::read_parameters(file, config));
  model::Parameters m = TRY(model::read_parameters(file, config, "optimizer.m."));
  model::Parameters v = TRY(model::read_parameters(file, config, "optimizer.v."));
  std::vector<uint8_t> used_rows = TRY(read_used_rows(file, config));
  Checkpoint checkpoint{config,
                        options,
                        state,
                        std::move(weights),
                        std::move(m),
                        std::move(v),
                        {},
                        std::move(used_rows),
                        optional_text(file, "tokenizer"),
                        optional_text(file, "data")};
  if (state.accumulated > 0) {
    checkpoint.gradients = TRY(model::read_parameters(file, config, "optimizer.gradient."));
  }
  return checkpoint;
}

}  // namespace anemone::train
