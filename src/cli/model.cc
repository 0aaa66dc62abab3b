// anemone model: files of weights looked at and converted.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <set>

#include "base/json.h"
#include "cli/command.h"
#include "model/weights_file.h"

namespace anemone::cli {
namespace {

using Json = nlohmann::ordered_json;
using model::Config;
using model::WeightsFile;

Json to_json(const std::string& path, const WeightsFile& file) {
  Json tensors = Json::array();
  for (const auto& [name, dtype, shape] : file.tensors) {
    tensors.push_back({{"name", name}, {"dtype", model::safetensors_name(dtype)}, {"shape", shape}});
  }
  return {{"file", path},
          {"format", file.format},
          {"bytes", file.bytes},
          {"config", Json::parse(model::to_json(file.config))},
          {"parameters", file.config.parameter_count()},
          {"checksum", file.checksummed ? Json("verified") : Json(nullptr)},
          {"tensors", std::move(tensors)}};
}

std::string describe_rotation(const Config& c) {
  switch (c.rope) {
    case model::Rope::none:
      return "no rotation";
    case model::Rope::interleaved:
      return fmt::format("rotation of pairs (2i, 2i+1), theta {}", c.rope_theta);
    case model::Rope::half:
      return fmt::format("rotation of pairs (i, i+{}), theta {}", c.head_dim / 2, c.rope_theta);
  }
  return {};
}

void print_text(const std::string& path, const WeightsFile& file) {
  const Config& c = file.config;
  std::set<std::string_view> types;
  for (const WeightsFile::Tensor& tensor : file.tensors) types.insert(model::safetensors_name(tensor.dtype));
  fmt::print("{}: {}, {} bytes\n", path, file.format, file.bytes);
  fmt::print(
      "configuration  {}: {} layers, dim {}, hidden {}, {} heads of {} ({} for keys and values), vocab {}, seq {}\n",
      c.name, c.layers, c.dim, c.hidden, c.heads, c.head_dim, c.kv_heads, c.vocab, c.seq);
  fmt::print("               {}, norm eps {}{}, {} classifier\n", describe_rotation(c), c.norm_eps,
             c.qk_norm ? ", q and k norms" : "", c.tied ? "tied" : "separate");
  fmt::print("parameters     {}\n", c.parameter_count());
  fmt::print("checksum       {}\n", file.checksummed ? "verified" : "none in this file");
  fmt::print("tensors        {}, {}\n", file.tensors.size(), fmt::join(types, " "));
  for (const auto& [name, dtype, shape] : file.tensors) {
    fmt::print("  {:<40} {:<4}  {}\n", name, model::safetensors_name(dtype), mil::to_string(shape));
  }
}

Result<> info(const std::string& path, bool as_json) {
  const WeightsFile file = TRY(model::inspect_model(path));
  if (as_json) {
    fmt::print("{}\n", to_json(path, file).dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_text(path, file);
  }
  return {};
}

Result<> convert(const std::string& from, const std::string& to) {
  const model::Model model = TRY(model::load_model(from));
  TRY(model::save_model(to, model.config, model.weights, model.freq_cis));
  fmt::print("{}: {}, {} parameters\n", to, model.config.name, model.config.parameter_count());
  return {};
}

void add_info(CLI::App& app, Action& action) {
  struct Options {
    std::string path;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("info", "Check a file of weights and say what it holds");
  command->add_option("FILE", options->path, "A .safetensors of anemone's, or a llama2.c .bin")->required();
  command->add_flag("--json", options->json, "Print JSON");
  command->footer("Example: anemone model info stories260K.bin");
  command->callback([&action, options] { action = [options] { return info(options->path, options->json); }; });
}

void add_convert(CLI::App& app, Action& action) {
  struct Options {
    std::string from, to;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("convert", "Write a model's weights in the format of another extension");
  command->add_option("IN", options->from, "A .safetensors of anemone's, or a llama2.c .bin")->required();
  command->add_option("OUT", options->to, "Ends in .safetensors, or in .bin for llama2.c")->required();
  command->footer("Example: anemone model convert checkpoint.safetensors model.bin");
  command->callback([&action, options] { action = [options] { return convert(options->from, options->to); }; });
}

}  // namespace

void add_model(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("model", "Look at files of weights, or convert them");
  command->require_subcommand(1);
  command->footer("Example: anemone model info stories260K.bin");
  add_info(*command, action);
  add_convert(*command, action);
}

}  // namespace anemone::cli
