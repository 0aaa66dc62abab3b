#include "model/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>

#include "base/file.h"
#include "base/json.h"

namespace anemone::model {
namespace {

using Json = nlohmann::ordered_json;

// Far above any model of the field, and low enough that no count below overflows 64 bits.
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxDimension = int64_t{1} << 22;
constexpr int64_t kMaxParameters = int64_t{1} << 36;

// Sources: the stories models are llama2.c's (its README and the headers of the published files; stories110m with the
// seed's training length of 256, where llama2.c's file says 1024), qwen3-0.6b the published config.json of
// Qwen/Qwen3-0.6B (with 256 positions to train on, as the seed has it; the model allows 40,960).
const std::array kBuiltIn = {
    Config{.name = "tiny",
           .layers = 3,
           .dim = 128,
           .hidden = 384,
           .heads = 4,
           .kv_heads = 2,
           .head_dim = 32,
           .vocab = 1024,
           .seq = 256},
    Config{.name = "stories260k",
           .layers = 5,
           .dim = 64,
           .hidden = 172,
           .heads = 8,
           .kv_heads = 4,
           .head_dim = 8,
           .vocab = 512,
           .seq = 512},
    Config{.name = "stories15m",
           .layers = 6,
           .dim = 288,
           .hidden = 768,
           .heads = 6,
           .kv_heads = 6,
           .head_dim = 48,
           .vocab = 32000,
           .seq = 256},
    Config{.name = "stories42m",
           .layers = 8,
           .dim = 512,
           .hidden = 1376,
           .heads = 8,
           .kv_heads = 8,
           .head_dim = 64,
           .vocab = 32000,
           .seq = 1024},
    Config{.name = "stories110m",
           .layers = 12,
           .dim = 768,
           .hidden = 2048,
           .heads = 12,
           .kv_heads = 12,
           .head_dim = 64,
           .vocab = 32000,
           .seq = 256},
    Config{.name = "qwen3-0.6b",
           .layers = 28,
           .dim = 1024,
           .hidden = 3072,
           .heads = 16,
           .kv_heads = 8,
           .head_dim = 128,
           .vocab = 151936,
           .seq = 256,
           .rope = Rope::half,
           .rope_theta = 1e6,
           .norm_eps = 1e-6,
           .qk_norm = true},
};

enum class Presence { required, optional };

// Each field once: its name in JSON, the member, and whether a text may leave it to its default.
template <class AnyConfig, class Visit>
void visit_fields(AnyConfig& c, const Visit& visit) {
  visit("name", c.name, Presence::required);
  visit("layers", c.layers, Presence::required);
  visit("dim", c.dim, Presence::required);
  visit("hidden", c.hidden, Presence::required);
  visit("heads", c.heads, Presence::required);
  visit("kv_heads", c.kv_heads, Presence::required);
  visit("head_dim", c.head_dim, Presence::required);
  visit("vocab", c.vocab, Presence::required);
  visit("seq", c.seq, Presence::required);
  visit("rope", c.rope, Presence::optional);
  visit("rope_theta", c.rope_theta, Presence::optional);
  visit("norm_eps", c.norm_eps, Presence::optional);
  visit("qk_norm", c.qk_norm, Presence::optional);
  visit("tied", c.tied, Presence::optional);
  visit("residual_scale", c.residual_scale, Presence::optional);
}

constexpr std::array kRopeNames = {"none", "interleaved", "half"};  // in the order of Rope

Json to_value(Rope rope) { return kRopeNames[static_cast<size_t>(rope)]; }
template <class T>
Json to_value(const T& field) {
  return field;
}

// Each reads one field, or says what would have been right.
const char* read(const nlohmann::json& value, std::string& field) {
  if (!value.is_string()) return "text";
  field = value.get<std::string>();
  return nullptr;
}

const char* read(const nlohmann::json& value, bool& field) {
  if (!value.is_boolean()) return "true or false";
  field = value.get<bool>();
  return nullptr;
}

const char* read(const nlohmann::json& value, double& field) {
  if (!value.is_number()) return "a number";
  field = value.get<double>();
  return nullptr;
}

const char* read(const nlohmann::json& value, int64_t& field) {
  const bool fits = !value.is_number_unsigned() || value.get<uint64_t>() <= std::numeric_limits<int64_t>::max();
  if (!value.is_number_integer() || !fits) return "a whole number";
  field = value.get<int64_t>();
  return nullptr;
}

const char* read(const nlohmann::json& value, Rope& field) {
  const auto found = std::ranges::find(kRopeNames, value.is_string() ? value.get<std::string>() : "");
  if (found == kRopeNames.end()) return "\"none\", \"interleaved\" or \"half\"";
  field = static_cast<Rope>(found - kRopeNames.begin());
  return nullptr;
}

// Takes the known fields out of `json`; the first one missing or of a wrong kind is the error.
Result<Config> take_fields(nlohmann::json& json, std::string_view where) {
  Config config;
  Result<> result;
  visit_fields(config, [&](const char* name, auto& field, Presence presence) {
    if (!result) return;
    const auto found = json.find(name);
    if (found == json.end()) {
      if (presence == Presence::required) result = fail("{} lacks the field \"{}\"", where, name);
      return;
    }
    if (const char* expected = read(*found, field)) result = fail("{}: \"{}\" must be {}", where, name, expected);
    json.erase(found);
  });
  if (!result) return tl::unexpected(result.error());
  return config;
}

bool is_positive(double value) { return std::isfinite(value) && value > 0; }

}  // namespace

int64_t Config::parameter_count() const {
  const int64_t attention = dim * (2 * q_dim() + 2 * kv_dim()) + (qk_norm ? 2 * head_dim : 0);
  const int64_t feed_forward = 3 * dim * hidden;
  return layers * (2 * dim + attention + feed_forward) + dim + vocab * dim * (tied ? 1 : 2);
}

Result<> validate(const Config& c) {
  struct Bound {
    const char* name;
    int64_t value, most;
  };
  for (const auto& [name, value, most] :
       {Bound{"layers", c.layers, kMaxLayers}, Bound{"dim", c.dim, kMaxDimension},
        Bound{"hidden", c.hidden, kMaxDimension}, Bound{"heads", c.heads, kMaxDimension},
        Bound{"kv_heads", c.kv_heads, kMaxDimension}, Bound{"head_dim", c.head_dim, kMaxDimension},
        Bound{"vocab", c.vocab, kMaxDimension}, Bound{"seq", c.seq, kMaxDimension}}) {
    if (value < 1 || value > most) return fail("{} is {}: give one from 1 to {}", name, value, most);
  }
  if (c.heads % c.kv_heads != 0) {
    return fail("kv_heads {} does not divide heads {}: each key/value head serves the same number of query heads",
                c.kv_heads, c.heads);
  }
  if (c.head_dim % 2 != 0) return fail("head_dim {} is odd: rotary positions turn pairs", c.head_dim);
  if (c.q_dim() > kMaxDimension) return fail("heads times head_dim is {}: at most {}", c.q_dim(), kMaxDimension);
  if (!is_positive(c.rope_theta)) return fail("rope_theta is {}: it must be positive", c.rope_theta);
  if (!is_positive(c.norm_eps)) return fail("norm_eps is {}: it must be positive", c.norm_eps);
  if (!is_positive(c.residual_scale)) return fail("residual_scale is {}: it must be positive", c.residual_scale);
  if (c.parameter_count() > kMaxParameters) {
    return fail("the model has {} parameters: at most {}", c.parameter_count(), kMaxParameters);
  }
  return {};
}

std::vector<std::string> config_names() {
  std::vector<std::string> names;
  for (const Config& config : kBuiltIn) names.push_back(config.name);
  return names;
}

Result<Config> find_config(const std::string& name_or_path) {
  const auto found = std::ranges::find(kBuiltIn, name_or_path, &Config::name);
  if (found != kBuiltIn.end()) return *found;
  const std::filesystem::path path(name_or_path);
  std::error_code ignored;
  if (path.extension() == ".json" || path.has_parent_path() || std::filesystem::exists(path, ignored)) {
    return config_from_json(TRY(read_text(name_or_path)), name_or_path);
  }
  return fail("there is no configuration \"{}\": give one of {}, or the path of a JSON file", name_or_path,
              fmt::join(config_names(), ", "));
}

std::string to_json(const Config& config) {
  Json json;
  visit_fields(config, [&](const char* name, const auto& field, Presence) { json[name] = to_value(field); });
  // A name may come from a file's; bytes that are no UTF-8 are replaced.
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

Result<Config> config_from_json(std::string_view text, std::string_view where) {
  nlohmann::json json = TRY(parse_json(text, where));
  if (!json.is_object()) return fail("{} is not a JSON object with a configuration's fields", where);
  Config config = TRY(take_fields(json, where));
  if (!json.empty()) return fail("{} has the unknown field \"{}\"", where, json.begin().key());
  if (const Result<> valid = validate(config); !valid) return fail("{}: {}", where, valid.error().message);
  return config;
}

}  // namespace anemone::model
