// Text from a model: the prompt, and what the model goes on to say.
//
//   Generated told = TRY(generate(*device, model, tokenizer, "Once upon a time", {.steps = 200}, show));
//
// `show` gets the text as it is made, always whole UTF-8; its error ends the telling.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>
#include <vector>

#include "device/device.h"
#include "generate/sampling.h"
#include "model/parameters.h"
#include "text/tokenizer.h"

namespace anemone::generate {

struct GenerateOptions {
  int64_t steps = 256;  // tokens in all, the prompt's included but for BOS; 0, or too many: the model's context
  SamplingOptions sampling{};
  mil::DType dtype = mil::DType::fp32;  // of the programs
};

struct Generated {
  std::vector<int32_t> tokens;             // the prompt's, with BOS, and the new ones
  int64_t prompt_tokens = 0;               // how many of them are the prompt's
  bool ended = false;                      // the model ended the text itself, by BOS or EOS
  std::chrono::nanoseconds prompt_time{};  // compiling and reading the prompt
  std::chrono::nanoseconds time{};         // the new tokens
};

using Show = std::function<Result<>(std::string_view)>;

// The tokenizer has as many tokens as the model. Fails where the prompt leaves no room for a new token, or a logit is
// no number.
Result<Generated> generate(Device& device, const model::Model& model, const text::Tokenizer& tokenizer,
                           std::string_view prompt, const GenerateOptions& options, const Show& show);

}  // namespace anemone::generate
