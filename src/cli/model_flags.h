// What `generate` and `eval` ask alike: which model, its tokenizer, and where it runs.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "cli/device_flags.h"
#include "model/config.h"
#include "text/tokenizer.h"

namespace anemone::cli {

struct ModelFlags {
  std::string model;
  std::string tokenizer;
  DeviceFlags on;
  std::optional<int> threads;  // of the host; all by default
};

void add_model_flags(CLI::App& command, ModelFlags& flags);

// A device, and the element type that its programs should have.
struct ChosenDevice {
  std::unique_ptr<Device> device;
  mil::DType dtype;
};
Result<ChosenDevice> open_device(const ModelFlags& flags);

// The one given, or the one that the model's file names in its metadata under "tokenizer", a path from its own folder.
// Fails where it does not fit the model's configuration.
Result<text::Tokenizer> load_tokenizer(const ModelFlags& flags, const model::Config& config);

}  // namespace anemone::cli
