// anemone mil: programs described, printed and converted; `check` and `run` have files of their own.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "base/json.h"
#include "cli/command.h"
#include "device/cpu/cpu_device.h"
#include "mil/ops_page.h"
#include "mil/package/package.h"
#include "mil/printer.h"
#include "mil/summary.h"

namespace anemone::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

struct FileOptions {
  std::string path, second;
  bool json = false;
};

// ---- info

Json ports(const mil::Function& function, const std::vector<mil::ValueId>& ids) {
  Json list = Json::array();
  for (mil::ValueId id : ids) {
    list.push_back({{"name", function.value(id).name}, {"type", mil::to_string(function.value(id).type)}});
  }
  return list;
}

bool is_flexible(const mil::Function& function) {
  return std::ranges::any_of(function.values, [](const mil::ValueInfo& v) { return mil::is_flexible(v.type.shape); });
}

Json describe(const mil::Function& function, const mil::Weights& weights) {
  Json json{{"name", function.name},
            {"opset", function.opset},
            {"inputs", ports(function, function.inputs)},
            {"outputs", ports(function, function.outputs)},
            {"flexible", is_flexible(function)}};
  if (is_flexible(function)) return json;
  const mil::Summary s = mil::summarize(function, &weights);
  json["ops"] = s.ops;
  json["product_flops"] = s.product_flops;
  json["other_flops"] = s.other_flops;
  json["bytes"] = {{"inputs", s.input_bytes},
                   {"outputs", s.output_bytes},
                   {"states", s.state_bytes},
                   {"weights", s.weight_bytes},
                   {"constants", s.constant_bytes}};
  json["weights"] = s.weights;
  return json;
}

void print_ports(std::string_view title, const Json& list) {
  for (const Json& port : list) {
    fmt::print("  {:<8}{} {}\n", title, port["type"].get<std::string>(), port["name"].get<std::string>());
  }
}

void print_function(const Json& f) {
  fmt::print("function {}, {}\n", f["name"].get<std::string>(), f["opset"].get<std::string>());
  print_ports("input", f["inputs"]);
  print_ports("output", f["outputs"]);
  if (f["flexible"].get<bool>()) {
    fmt::print("  some dimensions are the caller's: costs depend on them\n");
    return;
  }
  std::string ops;
  for (const auto& [op, times] : f["ops"].items()) {
    ops += fmt::format("{}{} {}", ops.empty() ? "" : ", ", op, times.get<int64_t>());
  }
  fmt::print("  {:<8}{}\n", "ops", ops);
  fmt::print("  {:<8}{:.6g} of products, {:.6g} others\n", "FLOP", f["product_flops"].get<double>(),
             f["other_flops"].get<double>());
  const Json& bytes = f["bytes"];
  fmt::print("  {:<8}{} in, {} out, {} of states\n", "bytes", bytes["inputs"].get<int64_t>(),
             bytes["outputs"].get<int64_t>(), bytes["states"].get<int64_t>());
  fmt::print("  {:<8}{} in {} bytes of weight files; {} bytes of constants in the text\n", "weights",
             f["weights"].get<int64_t>(), bytes["weights"].get<int64_t>(), bytes["constants"].get<int64_t>());
}

Result<> info(const FileOptions& options) {
  const mil::LoadedModel file = TRY(mil::read_model(options.path));
  Json functions = Json::array();
  for (const mil::Function& function : file.model.program.functions)
    functions.push_back(describe(function, file.weights));
  if (options.json) {
    fmt::print("{}\n", dump({{"file", options.path},
                             {"format", mil::to_string(file.kind)},
                             {"version", file.model.program.version},
                             {"functions", functions}}));
    return {};
  }
  fmt::print("{}: {}, version {}\n", options.path, mil::to_string(file.kind), file.model.program.version);
  for (const Json& function : functions) print_function(function);
  return {};
}

// ---- print, convert, ops

Result<> print(const FileOptions& options) {
  const mil::LoadedModel file = TRY(mil::read_model(options.path));
  fmt::print("{}", mil::print(file.model.program));
  return {};
}

Result<> convert(const FileOptions& options) {
  const mil::LoadedModel file = TRY(mil::read_model(options.path));
  TRY(mil::write_model(options.second, file.model, file.weights));
  for (const mil::Function& function : file.model.program.functions) {
    fmt::print("{}: function {}\n", options.second, function.name);
  }
  return {};
}

Result<> ops(const FileOptions&) {
  fmt::print("{}", mil::ops_page(cpu::how_it_runs));
  return {};
}

using Verb = Result<> (*)(const FileOptions&);

CLI::App* add_verb(CLI::App& app, Action& action, const std::string& name, const std::string& help, Verb verb,
                   const std::shared_ptr<FileOptions>& options) {
  CLI::App* command = app.add_subcommand(name, help);
  command->callback([&action, options, verb] { action = [options, verb] { return verb(*options); }; });
  return command;
}

constexpr const char* kFileHelp = "A .mil text, an .mlpackage, an .mlmodel or an .mlmodelc folder";

}  // namespace

void add_mil(CLI::App& root, Action& action) {
  CLI::App* app = root.add_subcommand("mil", "Check, describe, print, convert and run programs");
  app->require_subcommand(1);
  app->footer("Example: anemone mil check model.mlpackage --profile m4");
  auto options = std::make_shared<FileOptions>();

  CLI::App* command = add_verb(*app, action, "info", "Say what a program holds and costs", info, options);
  command->add_option("FILE", options->path, kFileHelp)->required();
  command->add_flag("--json", options->json, "Print JSON");
  command->footer("Example: anemone mil info model.mlpackage");

  command = add_verb(*app, action, "print", "Print a program as MIL text", print, options);
  command->add_option("FILE", options->path, kFileHelp)->required();
  command->footer("Example: anemone mil print model.mlpackage");

  command = add_verb(*app, action, "convert", "Write a program in the format of another extension", convert, options);
  command->add_option("IN", options->path, kFileHelp)->required();
  command->add_option("OUT", options->second, "Ends in .mil, .mlpackage or .mlmodel")->required();
  command->footer("Example: anemone mil convert model.mlpackage model.mil");

  command = add_verb(*app, action, "ops", "List the ops that programs may use, as a page of Markdown", ops, options);
  command->footer("Example: anemone mil ops > ops.md");

  add_mil_check(*app, action);
  add_mil_run(*app, action);
}

}  // namespace anemone::cli
