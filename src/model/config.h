// The shape of a transformer: a decoder of pre-norm blocks with RMSNorm, rotary positions, grouped-query attention and
// a SwiGLU feed-forward network (the Llama and Qwen families).
//
//   Config config = TRY(find_config("stories110m"));        // or a path to a JSON file with the same fields
//
// Letters used throughout: L layers, D dim, H hidden, V vocab, S sequence length, h head_dim, T tokens in a batch
// (batch × S), Q = heads·h, K = kv_heads·h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace anemone::model {

// How query and key vectors are turned by their position p with angles p·θ^(−2i/h).
enum class Rope {
  none,
  interleaved,  // pairs (2i, 2i+1): Llama as Meta and llama2.c store it
  half,         // pairs (i, i + h/2): Qwen, and Llama as Hugging Face stores it
};

struct Config {
  std::string name;
  int64_t layers = 0;
  int64_t dim = 0;
  int64_t hidden = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab = 0;
  int64_t seq = 0;  // the longest sequence the model is meant for, and the default of training
  Rope rope = Rope::interleaved;
  double rope_theta = 10000;
  double norm_eps = 1e-5;
  bool qk_norm = false;       // RMSNorm over each head of q and k before the rotation (Qwen3)
  bool tied = true;           // the classifier is the embedding
  double residual_scale = 1;  // α in x + α·f(x); 1 but for the `dynamic` preset

  int64_t q_dim() const { return heads * head_dim; }
  int64_t kv_dim() const { return kv_heads * head_dim; }
  int64_t group() const { return heads / kv_heads; }  // query head j reads KV head j / group
  int64_t parameter_count() const;                    // of a valid configuration, whose counts fit 64 bits
  bool operator==(const Config&) const = default;
};

// One sentence on what is wrong (a dimension below 1, heads that kv_heads does not divide, an odd head_dim, …).
Result<> validate(const Config& config);

std::vector<std::string> config_names();
// A built-in configuration by name, or one from a JSON file.
Result<Config> find_config(const std::string& name_or_path);

// The JSON of all fields, as files, checkpoints and `model info` hold it; reading requires each but those with defaults
// and refuses unknown ones. `where` names the text in errors.
std::string to_json(const Config& config);
Result<Config> config_from_json(std::string_view text, std::string_view where);

}  // namespace anemone::model
