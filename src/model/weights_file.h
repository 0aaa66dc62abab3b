// A model's weights on disk: llama2.c's `.bin`, or our `.safetensors`.
//
//   Model model = TRY(load_model("stories260K.bin"));
//   TRY(save_model("stories260K.safetensors", model.config, model.weights));
//
// Our safetensors files hold the JSON of the configuration in the metadata under "config" and every tensor of
// parameter_layout() under its name, float32 when we write them; float16 and bfloat16 are read as well. Beside the
// weights a training run keeps tensors under "optimizer." and what it likes in the metadata; a loaded model ignores
// both:
//
//   std::vector<StoredTensor> tensors = stored_tensors(weights);
//   append(tensors, stored_tensors(moments, "optimizer.m."));
//   TRY(save_safetensors(path, tensors, {{"config", to_json(config)}, {"trainer", state}}));
//
//   SafetensorsFile file = TRY(SafetensorsFile::open(path));
//   Config config = TRY(stored_config(file));
//   Parameters moments = TRY(read_parameters(file, config, "optimizer.m."));
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/parameters.h"
#include "model/safetensors.h"

namespace anemone::model {

// What a file of weights holds, found by checking all of it but without keeping the weights.
struct WeightsFile {
  struct Tensor {
    std::string name;
    mil::DType dtype = mil::DType::fp32;
    mil::Shape shape;
  };

  Config config;
  std::string format;  // "llama2.c" or "safetensors"
  size_t bytes = 0;
  bool checksummed = false;  // then the checksum was right
  std::vector<Tensor> tensors;
};

// The format is known by the first bytes, not by the name. Names, shapes and types of all tensors, the configuration,
// the file's size and its checksum are right before anything is returned; an error names the file and what it expected.
Result<Model> load_model(const std::string& path);
Result<WeightsFile> inspect_model(const std::string& path);

// Replaces `path` atomically, in the format of its extension: .bin or .safetensors. For `freq_cis` see Model.
Result<> save_model(const std::string& path, const Config& config, const Parameters& weights,
                    std::span<const float> freq_cis = {});

// The parts of a checkpoint. The tensors view `weights`, under their names with `prefix` before them.
std::vector<StoredTensor> stored_tensors(const Parameters& weights, std::string_view prefix = "");
Result<Config> stored_config(const SafetensorsFile& file);
// Every tensor of the configuration, found under its name with `prefix` before it; checked before memory is taken.
Result<Parameters> read_parameters(const SafetensorsFile& file, const Config& config, std::string_view prefix = "");

}  // namespace anemone::model
