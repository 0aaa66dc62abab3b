// anemone mil run: a program on a device, its outputs kept and compared.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <memory>

#include "base/json.h"
#include "base/random.h"
#include "cli/choices.h"
#include "cli/command.h"
#include "cli/device_flags.h"
#include "cli/mil_explain.h"
#include "device/execute.h"
#include "device/sim/time/time_model.h"
#include "mil/npy.h"
#include "mil/package/package.h"

namespace anemone::cli {
namespace {

using Json = nlohmann::ordered_json;
using mil::Shape;
using mil::Tensor;
using mil::TensorType;

struct RunOptions {
  std::string path, function, compare, output;
  DeviceFlags on;
  std::vector<std::string> inputs, shapes;  // NAME=WHAT
  int repeat = 1;
  bool json = false, explain = false;
};

using Assignments = std::map<std::string, std::string>;

Result<Assignments> read_assignments(const std::vector<std::string>& texts, std::string_view flag) {
  Assignments assignments;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return fail("{} {}: write NAME=…", flag, text);
    if (!assignments.emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
      return fail("{} {}: the name was given before", flag, text);
    }
  }
  return assignments;
}

template <class T>
Result<T> read_number(std::string_view text, std::string_view what) {
  T value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return fail("{}: {} is no number", what, text);
  return value;
}

Result<Shape> read_shape(std::string_view text, std::string_view what) {
  Shape shape;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    shape.push_back(TRY(read_number<int64_t>(text.substr(0, comma), what)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return shape;
}

// What each input is to hold. A file gives its shape too; the others take that of --shape, of the function, or, where
// this leaves dimensions open, the one that the model names first.
class InputSource {
 public:
  static Result<InputSource> create(const RunOptions& options, const mil::Model& model, const mil::Function& function) {
    InputSource source;
    source.shapes_ = default_shapes(model, function);
    source.given_ = TRY(read_assignments(options.inputs, "--input"));
    for (const auto& [name, text] : TRY(read_assignments(options.shapes, "--shape"))) {
      source.shapes_[name] = TRY(read_shape(text, "--shape " + name));
    }
    for (const auto& [name, what] : source.given_) {
      const bool known = name == "*" || function.input(name).has_value();
      if (!known) return fail("--input {}: function {} has no such input", name, function.name);
      if (what.ends_with(".npy")) source.files_.emplace(name, TRY(mil::read_npy(what)));
    }
    for (const auto& [name, tensor] : source.files_) source.shapes_[name] = tensor.type().shape;
    source.shapes_.erase("*");
    return source;
  }

  const std::map<std::string, Shape>& shapes() const { return shapes_; }

  // Whether there is a value for the input, and a shape.
  Result<> check_given(const mil::ValueInfo& input) const {
    if (given(input) == nullptr && !input.type.state) {
      return fail("input {} ({}) is not given: write --input {}=FILE.npy, random:SEED, zeros or const:V", input.name,
                  mil::to_string(input.type), input.name);
    }
    if (!mil::is_flexible(input.type.shape)) return {};
    return fail("input {} is {}: give its shape with --shape {}=1,2,3", input.name, mil::to_string(input.type),
                input.name);
  }

  // Of an input that check_given() accepts. A state that is not given starts at zero.
  Result<Tensor> tensor(const mil::ValueInfo& input) const {
    const auto* assignment = given(input);
    if (assignment == nullptr) return filled(input.type, 0);
    const auto file = files_.find(assignment->first);
    return file != files_.end() ? from_file(input, file->second) : made(input, assignment->second);
  }

 private:
  // What is given for the input: by its name, or for all that are not named.
  const Assignments::value_type* given(const mil::ValueInfo& input) const {
    const auto named = given_.find(input.name), found = named == given_.end() ? given_.find("*") : named;
    return found == given_.end() ? nullptr : &*found;
  }

  // Of inputs with open dimensions, as far as the model describes them.
  static std::map<std::string, Shape> default_shapes(const mil::Model& model, const mil::Function& function) {
    std::map<std::string, Shape> shapes;
    const auto interface = model.interfaces.find(function.name);
    if (interface == model.interfaces.end()) return shapes;
    for (const mil::Feature& feature : interface->second.inputs) {
      const auto id = function.input(feature.name);
      const bool open = id && mil::is_flexible(function.value(*id).type.shape);
      if (open && !feature.shape.empty()) shapes[feature.name] = feature.shape;
    }
    return shapes;
  }

  static Result<Tensor> from_file(const mil::ValueInfo& input, const Tensor& tensor) {
    const TensorType wanted{input.type.dtype, input.type.shape};
    if (tensor.type() == wanted) return tensor;
    if (tensor.type().shape != wanted.shape) {
      return fail("input {} is {}, but its file holds {}", input.name, mil::to_string(wanted),
                  mil::to_string(tensor.type()));
    }
    return Tensor::from_numbers(wanted, tensor.numbers());
  }

  static Tensor filled(const TensorType& type, double value) {
    return Tensor::from_numbers({type.dtype, type.shape}, std::vector<double>(size_t(type.count()), value));
  }

  // Normal numbers of variance 1, or whole numbers from 0 to 9.
  static Tensor random(const mil::ValueInfo& input, uint64_t seed) {
    uint64_t mixed = seed;
    for (char letter : input.name) mixed = mixed * 131 + static_cast<unsigned char>(letter);
    Random random(mixed);
    std::vector<double> values(size_t(input.type.count()));
    for (double& value : values) {
      value = mil::is_float(input.type.dtype) ? random.normal() : static_cast<double>(random.below(10));
    }
    return Tensor::from_numbers({input.type.dtype, input.type.shape}, values);
  }

  static Result<Tensor> made(const mil::ValueInfo& input, const std::string& what) {
    const std::string where = fmt::format("--input {}", input.name);
    if (what == "zeros") return filled(input.type, 0);
    if (what.starts_with("const:")) return filled(input.type, TRY(read_number<double>(what.substr(6), where)));
    if (what.starts_with("random:")) return random(input, TRY(read_number<uint64_t>(what.substr(7), where)));
    return fail("{}: {} is none of FILE.npy, random:SEED, zeros and const:V", where, what);
  }

  Assignments given_;
  std::map<std::string, Tensor> files_;
  std::map<std::string, Shape> shapes_;
};

struct Timing {
  double first = 0, median = 0, least = 0;
};

Timing timing(std::vector<double> times) {
  Timing t{.first = times.front()};
  std::ranges::sort(times);
  t.median = times[times.size() / 2];
  t.least = times.front();
  return t;
}

double milliseconds(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

Json to_json(const Timing& t) { return {{"first", t.first}, {"median", t.median}, {"least", t.least}}; }

Json times_of(const Execution& execution) {
  std::vector<double> wall, device;
  for (const RunTime& time : execution.times) {
    wall.push_back(milliseconds(time.wall));
    if (time.device) device.push_back(milliseconds(*time.device));
  }
  return {{"wall_ms", to_json(timing(wall))},
          {"device_ms", device.empty() ? Json(nullptr) : to_json(timing(device))},
          {"device_time_modelled", execution.times.front().modelled}};
}

// Each tensor with its name and type and, where a folder is given, the file that it was written to.
Result<Json> write_tensors(const mil::Function& function, const std::vector<mil::ValueId>& ids,
                           const std::vector<Tensor>& tensors, const std::string& folder) {
  Json list = Json::array();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string& name = function.value(ids[i]).name;
    Json entry{{"name", name}, {"type", mil::to_string(tensors[i].type())}};
    if (!folder.empty()) {
      const std::string path = (std::filesystem::path(folder) / (name + ".npy")).string();
      TRY(mil::write_npy(path, tensors[i]));
      entry["file"] = path;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

std::vector<mil::ValueId> states_of(const mil::Function& function) {
  std::vector<mil::ValueId> states;
  std::ranges::copy_if(function.inputs, std::back_inserter(states),
                       [&](mil::ValueId id) { return function.value(id).type.state; });
  return states;
}

// JSON has no infinity.
Json finite(double value) { return std::isfinite(value) ? Json(value) : Json("inf"); }

void add_differences(Json& outputs, const Execution& execution, const Execution& other) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Difference d = difference(execution.outputs[i], other.outputs[i]);
    outputs[i]["difference"] = {{"largest", finite(d.largest)},
                                {"at", d.at},
                                {"relative", finite(d.magnitude > 0 ? d.largest / d.magnitude : d.largest)},
                                {"elements", d.elements}};
  }
}

// What the engine would take before the first evaluation.
Result<Json> modelled_start(const std::string& device, const mil::Function& function) {
  const mil::Chip chip = TRY(simulated_profile(device)).chip;
  return Json{{"compile_ms_modelled", milliseconds(sim::compile_time(chip, function))},
              {"load_ms_modelled", milliseconds(sim::load_time(sim::chip(chip)))}};
}

void print_text(const Json& report) {
  const auto show_time = [](std::string_view title, const Json& t) {
    fmt::print("{:<9}{:.4g} ms at first, {:.4g} median, {:.4g} least\n", title, t["first"].get<double>(),
               t["median"].get<double>(), t["least"].get<double>());
  };
  fmt::print("{}: function {} on {}, runs {}\n", report["file"].get<std::string>(),
             report["function"].get<std::string>(), report["device"].get<std::string>(), report["repeat"].get<int>());
  show_time("wall", report["wall_ms"]);
  if (!report["device_ms"].is_null()) {
    show_time(report["device_time_modelled"].get<bool>() ? "modelled" : "device", report["device_ms"]);
  }
  if (report.contains("compile_ms_modelled")) {
    fmt::print("before   {:.4g} ms to compile, {:.4g} to load (modelled)\n",
               report["compile_ms_modelled"].get<double>(), report["load_ms_modelled"].get<double>());
  }
  const auto show_tensor = [](std::string_view title, const Json& tensor) {
    fmt::print("{:<9}{} {}{}\n", title, tensor["type"].get<std::string>(), tensor["name"].get<std::string>(),
               tensor.contains("file") ? " → " + tensor["file"].get<std::string>() : "");
  };
  for (const Json& state : report["states"]) show_tensor("state", state);
  for (const Json& output : report["outputs"]) {
    show_tensor("output", output);
    if (!output.contains("difference")) continue;
    const Json& d = output["difference"];
    fmt::print("         {} elements differ from {}; the largest difference is {} at {}, {} of the largest magnitude\n",
               d["elements"].get<int64_t>(), report["compared_with"].get<std::string>(), d["largest"].dump(),
               d["at"].get<int64_t>(), d["relative"].dump());
  }
  if (report.contains("explanation")) print_explanation(report["device"].get<std::string>(), report["explanation"]);
}

Result<Execution> run_on(const DeviceFlags& on, const mil::Function& function, const mil::Weights& weights,
                         const std::vector<Tensor>& inputs, int repeat) {
  const auto opened = TRY(open_device(on, precision_of(on, Precision::fp16)));
  return execute(*opened, function, weights, inputs, repeat);
}

Result<> run(const RunOptions& options) {
  if (options.explain && !is_simulated(options.on.device)) {
    return fail("--explain tells where the engine parts from IEEE arithmetic: it goes with --device sim:CHIP");
  }
  const mil::LoadedModel file = TRY(mil::read_model(options.path));
  const mil::Function& declared = *TRY(mil::find_function(file.model, options.function));
  const InputSource source = TRY(InputSource::create(options, file.model, declared));
  const mil::Function function = TRY(mil::with_input_shapes(declared, source.shapes(), &file.weights));
  for (mil::ValueId id : function.inputs) TRY(source.check_given(function.value(id)));
  TRY(check_memory(function));
  std::vector<Tensor> inputs;
  for (mil::ValueId id : function.inputs) inputs.push_back(TRY(source.tensor(function.value(id))));
  if (!options.output.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options.output, error);
    if (error) return fail("{}: {}", options.output, error.message());
  }
  const Execution execution = TRY(run_on(options.on, function, file.weights, inputs, options.repeat));
  Json report{{"file", options.path},
              {"function", function.name},
              {"device", options.on.device},
              {"precision", to_string(precision_of(options.on, Precision::fp16))},
              {"repeat", options.repeat}};
  report.update(times_of(execution));
  if (is_simulated(options.on.device)) report.update(TRY(modelled_start(options.on.device, function)));
  report["outputs"] = TRY(write_tensors(function, function.outputs, execution.outputs, options.output));
  report["states"] = TRY(write_tensors(function, states_of(function), execution.states, options.output));
  if (!options.compare.empty()) {
    const Execution other =
        TRY(run_on({.device = options.compare, .precision = options.on.precision}, function, file.weights, inputs, 1));
    report["compared_with"] = options.compare;
    add_differences(report["outputs"], execution, other);
  }
  if (options.explain) report["explanation"] = TRY(explanation(options.on.device, function, file.weights, inputs));
  if (options.json) {
    fmt::print("{}\n", report.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_text(report);
  }
  return {};
}

}  // namespace

void add_mil_run(CLI::App& app, Action& action) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run a program on a device");
  command->add_option("FILE", options->path, "A .mil text, an .mlpackage, an .mlmodel or an .mlmodelc folder")
      ->required();
  add_device_flags(*command, options->on, Precision::fp16);
  command->add_option("--function", options->function, "Which function, where there are several and none is main");
  command
      ->add_option("--input", options->inputs,
                   "NAME=FILE.npy, NAME=random:SEED, NAME=zeros or NAME=const:V; *=… for all that are not named")
      ->take_all();
  command->add_option("--shape", options->shapes, "NAME=1,2,3 for an input whose dimensions are open")->take_all();
  command->add_option("--output", options->output,
                      "Write each output, and each state as it was left, to NAME.npy in this folder");
  command->add_option("--repeat", options->repeat, "Runs")->capture_default_str()->check(CLI::Range(1, 1000000));
  command->add_option("--compare", options->compare, "Run on this device too, and say how far the outputs lie apart")
      ->check(why_no_device);
  command->add_flag("--explain", options->explain,
                    "On sim: say which operations compute otherwise than IEEE arithmetic does, and why");
  command->add_flag("--json", options->json, "Print JSON");
  command->footer("Example: anemone mil run model.mil --input '*=random:1' --compare ref");
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace anemone::cli
