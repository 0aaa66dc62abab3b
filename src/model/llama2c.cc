#include "model/llama2c.h"

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/check.h"

namespace anemone::model {
namespace {

struct Header {
  int32_t dim, hidden, layers, heads, kv_heads, vocab, seq;
};
static_assert(sizeof(Header) == 28);

// All tensors in the order of the file up to the rotary tables; the classifier of an untied model comes after those.
// T is float or const float.
template <class T, class AnyParameters>
std::vector<std::span<T>> tensors_before_tables(AnyParameters& weights, int64_t layers) {
  using View = BasicLayerView<T>;
  std::vector<std::span<T>> tensors{weights.embedding()};
  for (const auto member : {&View::attention_norm, &View::wq, &View::wk, &View::wv, &View::wo, &View::ffn_norm,
                            &View::w1, &View::w2, &View::w3}) {
    for (int64_t l = 0; l < layers; ++l) tensors.push_back(weights.layer(l).*member);
  }
  tensors.push_back(weights.final_norm());
  return tensors;
}

int64_t table_floats(const Config& config) { return config.seq * config.head_dim; }  // cosines and sines, h/2 each

int64_t file_bytes(const Config& config) {
  return static_cast<int64_t>(sizeof(Header)) + 4 * (config.parameter_count() + table_floats(config));
}

// What one header says; `path` gives the name.
Result<Config> to_config(const Header& header, const std::string& path) {
  const bool tied = header.vocab > 0;
  if (header.heads < 1 || header.dim % header.heads != 0) {
    return fail("{} is not a llama2.c model: dim {} is no multiple of heads {}", path, header.dim, header.heads);
  }
  Config config{.name = std::filesystem::path(path).stem().string(),
                .layers = header.layers,
                .dim = header.dim,
                .hidden = header.hidden,
                .heads = header.heads,
                .kv_heads = header.kv_heads,
                .head_dim = header.dim / header.heads,
                .vocab = std::abs(int64_t{header.vocab}),
                .seq = header.seq,
                .tied = tied};
  if (const Result<> valid = validate(config); !valid) {
    return fail("{} is not a llama2.c model: {}", path, valid.error().message);
  }
  return config;
}

Result<> check_holds(const Config& config, const std::string& path) {
  const auto refuse = [&](std::string_view what) {
    return fail("cannot write {}: llama2.c's format has no {}; save it as .safetensors", path, what);
  };
  if (config.q_dim() != config.dim) return refuse("heads whose sizes do not add up to dim");
  if (config.qk_norm) return refuse("q and k norms");
  if (config.rope != Rope::interleaved) return refuse("rotary positions but interleaved ones");
  if (config.rope_theta != 10000) return refuse("rope_theta but 10000");
  if (config.norm_eps != 1e-5) return refuse("norm_eps but 1e-5");
  if (config.residual_scale != 1) return refuse("residual_scale but 1");
  return {};
}

// cos and sin of p·θ^(−2i/h), as [S, h/2] each.
std::vector<float> rotary_tables(const Config& config) {
  std::vector<float> tables(static_cast<size_t>(table_floats(config)));
  const size_t sines = tables.size() / 2;
  size_t at = 0;
  for (int64_t p = 0; p < config.seq; ++p) {
    for (int64_t i = 0; i < config.head_dim; i += 2, ++at) {
      const double angle = static_cast<double>(p) *
                           std::pow(config.rope_theta, -static_cast<double>(i) / static_cast<double>(config.head_dim));
      tables[at] = static_cast<float>(std::cos(angle));
      tables[sines + at] = static_cast<float>(std::sin(angle));
    }
  }
  return tables;
}

Header to_header(const Config& c) {
  const auto narrow = [](int64_t value) { return static_cast<int32_t>(value); };  // validate() bounds them
  return {narrow(c.dim),   narrow(c.hidden),   narrow(c.layers),
          narrow(c.heads), narrow(c.kv_heads), narrow(c.tied ? c.vocab : -c.vocab),
          narrow(c.seq)};
}

}  // namespace

Result<Config> read_llama2c_config(const MappedFile& file) {
  const auto bytes = file.bytes();
  if (bytes.size() < sizeof(Header)) {
    return fail("{} is {} bytes long: too short for a model", file.path(), bytes.size());
  }
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  Config config = TRY(to_config(header, file.path()));
  if (static_cast<int64_t>(bytes.size()) == file_bytes(config)) return config;
  return fail("{} is {} bytes long, and a llama2.c model of its shape has {}: is it cut short, or another format?",
              file.path(), bytes.size(), file_bytes(config));
}

Result<Model> load_llama2c(const MappedFile& file) {
  const Config config = TRY(read_llama2c_config(file));
  Model model{config, Parameters(config), std::vector<float>(static_cast<size_t>(table_floats(config)))};
  auto rest = file.bytes().subspan(sizeof(Header));
  const auto take = [&](std::span<float> tensor) {
    std::memcpy(tensor.data(), rest.data(), tensor.size_bytes());
    rest = rest.subspan(tensor.size_bytes());
  };
  for (std::span<float> tensor : tensors_before_tables<float>(model.weights, config.layers)) take(tensor);
  take(model.freq_cis);
  if (!config.tied) take(model.weights.classifier());
  return model;
}

Result<> save_llama2c(const std::string& path, const Config& config, const Parameters& weights,
                      std::span<const float> freq_cis) {
  TRY(check_holds(config, path));
  std::vector<float> computed;
  if (freq_cis.empty()) freq_cis = computed = rotary_tables(config);
  CHECK(static_cast<int64_t>(freq_cis.size()) == table_floats(config));

  AtomicFile file = TRY(AtomicFile::create(path));
  const Header header = to_header(config);
  TRY(file.write(std::as_bytes(std::span(&header, 1))));
  for (std::span<const float> tensor : tensors_before_tables<const float>(weights, config.layers)) {
    TRY(file.write(std::as_bytes(tensor)));
  }
  TRY(file.write(std::as_bytes(freq_cis)));
  if (!config.tied) TRY(file.write(std::as_bytes(weights.classifier())));
  return file.commit();
}

}  // namespace anemone::model
