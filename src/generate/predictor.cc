#include "generate/predictor.h"

#include <algorithm>

#include "base/check.h"
#include "model/decode_kernels.h"
#include "model/kernels.h"
#include "model/rotary.h"

namespace anemone::generate {
namespace {

using model::Kernel;
using model::KernelCall;

// A batch's attention scores grow with the square of its length; what a prompt has beyond this is read singly.
constexpr int64_t kMostTogether = 512;

// Columns of the cache: whole vectors of halves.
int64_t columns_for(int64_t capacity) { return (capacity + 7) / 8 * 8; }

Result<std::unique_ptr<const Kernel>> keep(Result<Kernel> kernel) {
  return std::make_unique<const Kernel>(TRY(std::move(kernel)));
}

}  // namespace

Predictor::Predictor(Device& device, const model::Config& config, const model::Parameters& weights,
                     const PredictorOptions& options)
    : device_(device),
      config_(config),
      weights_(weights),
      options_(options),
      x_(static_cast<size_t>(config.dim)),
      logits_(static_cast<size_t>(config.vocab)) {
  if (config.rope == model::Rope::none) return;
  const model::RotaryTables tables = model::rotary_tables(config, options.capacity);
  cos_.assign(tables.cos.begin(), tables.cos.end());
  sin_.assign(tables.sin.begin(), tables.sin.end());
}

Result<std::unique_ptr<Predictor>> Predictor::create(Device& device, const model::Config& config,
                                                     const model::Parameters& weights,
                                                     const PredictorOptions& options) {
  CHECK(options.capacity >= 1);
  TRY(model::validate(config));
  auto made = std::unique_ptr<Predictor>(new Predictor(device, config, weights, options));
  const model::Geometry one = made->geometry(1);
  made->decode_ =
      TRY(made->compile_stack(model::decode_attention(one, columns_for(options.capacity)), one, config.layers));
  TRY(made->compile_head());
  made->reset();
  return made;
}

// Outputs are shared between layers, and inputs but for those of attention, which may hold a cache.
Result<Predictor::Stack> Predictor::compile_stack(Result<Kernel> attention, const model::Geometry& geometry,
                                                  int64_t layers) {
  Stack stack;
  stack.attention = TRY(keep(std::move(attention)));
  stack.feed_forward = TRY(keep(model::ffn_forward(geometry)));
  KernelCall::SharedSurface attended, input, output;
  for (int64_t l = 0; l < layers; ++l) {
    const model::WeightLookup weights = model::layer_weights(weights_, l);
    const auto call = [&](const Kernel& kernel, auto in, auto out) -> Result<KernelCall> {
      return KernelCall::create(device_, kernel, TRY(model::compile(device_, kernel, weights)), in, out);
    };
    Layer& layer = stack.layers.emplace_back();
    layer.attention = TRY(call(*stack.attention, nullptr, attended));
    layer.feed_forward = TRY(call(*stack.feed_forward, input, output));
    attended = layer.attention.output();
    input = layer.feed_forward.input();
    output = layer.feed_forward.output();
  }
  return stack;
}

Result<> Predictor::compile_head() {
  head_kernel_ = TRY(keep(model::decode_head(geometry(1))));
  auto program = TRY(model::compile(device_, *head_kernel_, model::head_weights(weights_)));
  head_ = TRY(KernelCall::create(device_, *head_kernel_, std::move(program)));
  return {};
}

void Predictor::reset() {
  position_ = 0;
  const std::vector<float> empty(static_cast<size_t>(columns_for(options_.capacity)), model::kMasked);
  for (Layer& layer : decode_.layers) layer.attention.write("mask", empty);
}

Result<std::span<const float>> Predictor::read(std::span<const int32_t> tokens) {
  CHECK(!tokens.empty() && position_ + std::ssize(tokens) <= options_.capacity);
  if (position_ == 0 && tokens.size() > 1) {
    const auto together = std::min<size_t>(tokens.size(), kMostTogether);
    TRY(read_together(tokens.first(together)));
    tokens = tokens.subspan(together);
  }
  for (const int32_t token : tokens) TRY(read_one(token));
  head_.write("x", x_.span());
  TRY(head_.run());
  head_.read("logits", logits_.span());
  return std::as_const(logits_).span();
}

// By the programs of a whole sequence, whose keys and values fill the cache.
Result<> Predictor::read_together(std::span<const int32_t> tokens) {
  const model::Geometry all = geometry(std::ssize(tokens));
  Stack stack = TRY(compile_stack(model::attention_forward(all), all, 1));
  Buffer<float> x(x_.size() * tokens.size());  // [D, T]
  embed(tokens, x.span());
  TRY(forward(stack, x.span()));
  for (size_t c = 0; c < x_.size(); ++c) x_[c] = x[(c + 1) * tokens.size() - 1];
  position_ += std::ssize(tokens);
  return {};
}

Result<> Predictor::read_one(int32_t token) {
  embed({&token, 1}, x_.span());
  if (!cos_.empty()) {
    const auto h = static_cast<size_t>(config_.head_dim), row = static_cast<size_t>(position_) * h;
    for (Layer& layer : decode_.layers) {
      layer.attention.write("cos", std::span(cos_).subspan(row, h));
      layer.attention.write("sin", std::span(sin_).subspan(row, h));
    }
  }
  TRY(forward(decode_, x_.span()));
  ++position_;
  return {};
}

// Layer l, by programs of its own or by those of the only one there is, which take its weights.
Result<Predictor::Layer*> Predictor::layer(Stack& stack, int64_t l) {
  if (std::ssize(stack.layers) == config_.layers) return &stack.layers[static_cast<size_t>(l)];
  Layer& only = stack.layers.front();
  const model::WeightLookup weights = model::layer_weights(weights_, l);
  const auto load = [&](KernelCall& call, const Kernel& kernel) -> Result<> {
    if (TRY(call.reload(weights))) return {};
    return call.rebind(TRY(model::compile(device_, kernel, weights)));
  };
  TRY(load(only.attention, *stack.attention));
  TRY(load(only.feed_forward, *stack.feed_forward));
  return &only;
}

// x [D, T] through all layers, in place.
Result<> Predictor::forward(Stack& stack, std::span<float> x) {
  for (int64_t l = 0; l < config_.layers; ++l) {
    Layer& layer = *TRY(this->layer(stack, l));
    TRY(add_branch(layer.attention, "x", "o", x));
    remember(l, layer.attention);
    TRY(add_branch(layer.feed_forward, "x2", "f", x));
  }
  return {};
}

// x += α·branch(x)
Result<> Predictor::add_branch(KernelCall& call, std::string_view from, std::string_view to, std::span<float> x) {
  call.write(from, x);
  TRY(call.run());
  const std::span<const float> branch = call.view(to, scratch_);
  const auto alpha = static_cast<float>(config_.residual_scale);
  for (size_t i = 0; i < x.size(); ++i) x[i] += alpha * branch[i];
  return {};
}

// Appends the keys and values of what attention has just read to a layer's cache.
void Predictor::remember(int64_t layer, const KernelCall& attention) {
  KernelCall& cache = decode_.layers[static_cast<size_t>(layer)].attention;
  cache.transfer_columns("keys", position_, attention, "k");
  cache.transfer_columns("values", position_, attention, "v");
  cache.write_columns("mask", position_, std::vector<float>(attention.kernel().out("k").columns, 0.0f));
}

// x[:, t] = E[tokens[t], :]
void Predictor::embed(std::span<const int32_t> tokens, std::span<float> x) const {
  const std::span<const float> table = weights_.embedding();
  const auto dim = static_cast<size_t>(config_.dim);
  for (size_t t = 0; t < tokens.size(); ++t) {
    const std::span<const float> row = table.subspan(static_cast<size_t>(tokens[t]) * dim, dim);
    for (size_t c = 0; c < dim; ++c) x[c * tokens.size() + t] = row[c];
  }
}

}  // namespace anemone::generate
