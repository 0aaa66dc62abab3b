// How fast a model generates, against how fast memory yields its weights: each new token reads all of them once.
//
//   GenerateTiming t = TRY(time_generation(*device, config, {.prompt = 64, .tokens = 128}));
//   double fraction = t.fraction_of_bandwidth();             // 1: nothing but the weights takes time
//
// Random weights and prompt; each new token is the likeliest.
#pragma once

#include "bench/bandwidth.h"
#include "device/device.h"
#include "model/config.h"

namespace anemone::bench {

struct GenerateOptions {
  mil::DType dtype = mil::DType::fp32;  // of the programs
  int64_t weight_bits = 32;             // in which the device keeps a weight
  int64_t prompt = 64, tokens = 128;    // at least 1 and 2
};

struct GenerateTiming {
  double load_ms = 0;       // compiling the programs of one token
  double prompt_ms = 0;     // reading the prompt, with compiling the programs that do
  double ms_per_token = 0;  // the median
  double mean_ms_per_token = 0;
  double weight_bytes = 0;  // that a token reads
  Bandwidth memory{};

  double fraction_of_bandwidth() const { return weight_bytes / memory.read / (ms_per_token / 1e3); }
};

Result<GenerateTiming> time_generation(Device& device, const model::Config& config, const GenerateOptions& options);

}  // namespace anemone::bench
