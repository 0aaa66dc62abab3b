#include "device/sim/time/chip.h"

#include <array>
#include <map>

#include "base/check.h"
#include "base/json.h"
#include "base/text_file.h"

namespace anemone {
std::span<const TextFile> chip_files();
}

namespace anemone::sim {
namespace {

constexpr auto kFigures = std::to_array<FigureName>({
    {"clock_mhz", &ChipModel::clock_mhz},
    {"product_share", &ChipModel::product_share},
    {"int8_gain", &ChipModel::int8_gain},
    {"int8_gain_pointwise", &ChipModel::int8_gain_pointwise},
    {"winograd", &ChipModel::winograd},
    {"engines_gain", &ChipModel::engines_gain},
    {"weight_gbs", &ChipModel::weight_gbs},
    {"notch_share", &ChipModel::notch_share},
    {"activation_gbs", &ChipModel::activation_gbs},
    {"end_to_end_gbs", &ChipModel::end_to_end_gbs},
    {"elementwise_gops", &ChipModel::elementwise_gops},
    {"elementwise_us", &ChipModel::elementwise_us},
    {"floor_ms", &ChipModel::floor_ms},
    {"long_floor_ms", &ChipModel::long_floor_ms},
    {"compile_ms", &ChipModel::compile_ms},
    {"compile_op_ms", &ChipModel::compile_op_ms},
    {"compile_ms_per_mb", &ChipModel::compile_ms_per_mb},
    {"load_ms", &ChipModel::load_ms},
    {"first_load_ms", &ChipModel::first_load_ms},
    {"idle_ms", &ChipModel::idle_ms},
    {"wake_ms", &ChipModel::wake_ms},
    {"doze_ms", &ChipModel::doze_ms},
});

using Files = std::map<std::string, nlohmann::json, std::less<>>;

Files parse_files() {
  Files files;
  for (const TextFile& file : chip_files()) {
    Result<nlohmann::json> json = parse_json(file.text, file.name);
    CHECK(json.has_value());
    files[std::string(file.name)] = *std::move(json);
  }
  return files;
}

// {"value": 65.5, "source": "…"}, or {"borrowed": "m4-max"} for the figure that stands there; a source may say why.
Figure figure_of(const Files& files, const std::string& chip, std::string_view name) {
  const nlohmann::json& entry = files.at(chip).at("figures").at(std::string(name));
  if (!entry.contains("borrowed")) return {entry.at("value"), entry.at("source"), ""};
  const auto lender = entry.at("borrowed").get<std::string>();
  CHECK(!files.at(lender).at("figures").at(std::string(name)).contains("borrowed"));
  Figure figure = figure_of(files, lender, name);
  figure.borrowed_from = lender;
  if (entry.contains("source")) figure.source = entry.at("source");
  return figure;
}

ChipModel parse_chip(const Files& files, const std::string& name) {
  ChipModel model;
  model.name = name;
  model.engine = files.at(name).at("engine");
  CHECK(files.at(name).at("figures").size() == kFigures.size());
  for (const FigureName& entry : kFigures) model.*entry.figure = figure_of(files, name, entry.name);
  return model;
}

}  // namespace

std::span<const FigureName> figure_names() { return kFigures; }

const ChipModel& chip(mil::Chip chip) {
  static const std::vector<ChipModel> kModels = [] {
    const Files files = parse_files();
    std::vector<ChipModel> models;
    for (const std::string& name : mil::chip_names()) models.push_back(parse_chip(files, name));
    return models;
  }();
  return kModels[static_cast<size_t>(chip)];
}

}  // namespace anemone::sim
