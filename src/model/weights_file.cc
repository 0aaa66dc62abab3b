#include "model/weights_file.h"

#include <filesystem>
#include <set>

#include "model/llama2c.h"

namespace anemone::model {
namespace {

constexpr const char* kConfigKey = "config";
constexpr std::string_view kOptimizerPrefix = "optimizer.";
constexpr std::string_view kTables = "freq_cis";  // Model::freq_cis, [2, S, h/2]

mil::Shape tables_shape(const Config& config) { return {2, config.seq, config.head_dim / 2}; }

Result<> check_tensor(const SafetensorsFile& file, const std::string& name, const mil::Shape& shape) {
  const StoredTensor* tensor = file.find(name);
  if (tensor == nullptr) return fail("{} lacks the tensor {}, which its configuration asks for", file.path(), name);
  if (tensor->shape != shape) {
    return fail("{}: tensor {} has the shape {}, and its configuration asks for {}", file.path(), name,
                mil::to_string(tensor->shape), mil::to_string(shape));
  }
  if (reads_as_floats(tensor->dtype)) return {};
  return fail("{}: tensor {} is of type {}, and weights are read from F32, F16 or BF16", file.path(), name,
              safetensors_name(tensor->dtype));
}

Result<> check_parameters(const SafetensorsFile& file, const std::vector<TensorInfo>& layout, std::string_view prefix) {
  for (const TensorInfo& info : layout) TRY(check_tensor(file, std::string(prefix) + info.name, info.shape));
  return {};
}

// The weights, the rotary tables, the optimizer's tensors, and nothing else.
Result<> check_model(const SafetensorsFile& file, const Config& config) {
  const std::vector<TensorInfo> layout = parameter_layout(config);
  TRY(check_parameters(file, layout, ""));
  std::set<std::string_view> known;
  for (const TensorInfo& info : layout) known.insert(info.name);
  if (file.find(kTables) != nullptr) {
    TRY(check_tensor(file, std::string(kTables), tables_shape(config)));
    known.insert(kTables);
  }
  for (const StoredTensor& tensor : file.tensors()) {
    if (known.contains(tensor.name) || tensor.name.starts_with(kOptimizerPrefix)) continue;
    return fail("{} has the tensor {:.80}, which its configuration lacks", file.path(), tensor.name);
  }
  return {};
}

Result<Config> checked_config(const SafetensorsFile& file) {
  Config config = TRY(stored_config(file));
  TRY(check_model(file, config));
  return config;
}

Result<Model> read_model(const SafetensorsFile& file) {
  const Config config = TRY(checked_config(file));
  Parameters weights = TRY(read_parameters(file, config));
  Model model{config, std::move(weights), {}};
  if (const StoredTensor* tables = file.find(kTables)) {
    model.freq_cis.resize(static_cast<size_t>(mil::count(tables->shape)));
    read_floats(*tables, model.freq_cis);
  }
  return model;
}

Result<WeightsFile> inspect_llama2c(const MappedFile& file) {
  WeightsFile found{.config = TRY(read_llama2c_config(file)), .format = "llama2.c", .tensors = {}};
  for (const TensorInfo& info : parameter_layout(found.config)) {
    found.tensors.push_back({info.name, mil::DType::fp32, info.shape});
  }
  return found;
}

Result<WeightsFile> inspect_safetensors(const SafetensorsFile& file) {
  WeightsFile found{.config = TRY(checked_config(file)), .format = "safetensors", .tensors = {}};
  found.checksummed = file.checksummed();
  for (const StoredTensor& tensor : file.tensors()) {
    found.tensors.push_back({tensor.name, tensor.dtype, tensor.shape});
  }
  return found;
}

Result<> save_as_safetensors(const std::string& path, const Config& config, const Parameters& weights,
                             std::span<const float> freq_cis) {
  std::vector<StoredTensor> tensors = stored_tensors(weights);
  if (!freq_cis.empty()) {
    tensors.push_back({std::string(kTables), mil::DType::fp32, tables_shape(config), std::as_bytes(freq_cis)});
  }
  return save_safetensors(path, tensors, {{kConfigKey, to_json(config)}});
}

}  // namespace

Result<Model> load_model(const std::string& path) {
  MappedFile file = TRY(MappedFile::open(path));
  if (!SafetensorsFile::recognises(file.bytes())) return load_llama2c(file);
  return read_model(TRY(SafetensorsFile::parse(std::move(file))));
}

Result<WeightsFile> inspect_model(const std::string& path) {
  MappedFile file = TRY(MappedFile::open(path));
  const size_t bytes = file.bytes().size();
  WeightsFile found = SafetensorsFile::recognises(file.bytes())
                          ? TRY(inspect_safetensors(TRY(SafetensorsFile::parse(std::move(file)))))
                          : TRY(inspect_llama2c(file));
  found.bytes = bytes;
  return found;
}

Result<> save_model(const std::string& path, const Config& config, const Parameters& weights,
                    std::span<const float> freq_cis) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".bin") return save_llama2c(path, config, weights, freq_cis);
  if (extension == ".safetensors") return save_as_safetensors(path, config, weights, freq_cis);
  return fail("cannot tell the format of {} from its name: end it in .bin (llama2.c) or .safetensors", path);
}

std::vector<StoredTensor> stored_tensors(const Parameters& weights, std::string_view prefix) {
  std::vector<StoredTensor> tensors;
  for (const TensorInfo& info : weights.tensors()) {
    tensors.push_back(
        {std::string(prefix) + info.name, mil::DType::fp32, info.shape, std::as_bytes(weights.tensor(info))});
  }
  return tensors;
}

Result<Config> stored_config(const SafetensorsFile& file) {
  const auto text = file.metadata().find(kConfigKey);
  if (text == file.metadata().end()) {
    return fail("{} has no \"{}\" in its metadata: only models saved by anemone can be loaded", file.path(),
                kConfigKey);
  }
  return config_from_json(text->second, fmt::format("the configuration in {}", file.path()));
}

Result<Parameters> read_parameters(const SafetensorsFile& file, const Config& config, std::string_view prefix) {
  TRY(check_parameters(file, parameter_layout(config), prefix));
  Parameters weights(config);
  for (const TensorInfo& info : weights.tensors()) {
    read_floats(*file.find(std::string(prefix) + info.name), weights.tensor(info));
  }
  return weights;
}

}  // namespace anemone::model
