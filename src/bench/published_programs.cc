#include "bench/published_programs.h"

#include <fmt/format.h>

#include "bench/int8.h"
#include "model/kernels.h"

namespace anemone::bench {
namespace {

using mil::Builder;
using mil::DType;
using mil::Shape;
using mil::Tensor;
using mil::Value;
using sim::PublishedProgram;

DType indices_of(int64_t bits) { return *mil::parse_dtype(fmt::format("uint{}", bits)); }

// A constant stored in so many bits an element: as it is, scaled from int8, or a palette's indices.
Value weight(Builder& b, const std::string& name, const Shape& shape, int64_t bits) {
  const mil::BlobReference blob = mil::weight_file(name);
  if (bits == 16) return b.weight(name, {DType::fp16, shape}, blob);
  if (bits == 8) return int8_weight(b, name, shape, 0.125);
  Shape palette(shape.size(), 1);
  palette.insert(palette.end(), {int64_t{1} << bits, 1});
  return b.apply("constexpr_lut_to_dense", {{"indices", b.weight(name, {indices_of(bits), shape}, blob)},
                                            {"lut", b.weight(name + "_palette", {DType::fp16, palette})}});
}

Value convolution(Builder& b, Value x, Value w, int64_t kernel) {
  const int64_t pad = kernel / 2;
  return b.apply("conv", {{"x", x},
                          {"weight", w},
                          {"strides", Tensor::ints({1, 1})},
                          {"pad_type", Tensor::text("custom")},
                          {"pad", Tensor::ints({pad, pad, pad, pad})},
                          {"dilations", Tensor::ints({1, 1})},
                          {"groups", Tensor::integer(1)}});
}

Result<mil::Function> convolutions(const PublishedProgram& p) {
  Builder b;
  const DType boundary = p.fp32 ? DType::fp32 : DType::fp16;
  Value x = mil::cast(b.input("x", {boundary, {p.batch, p.channels, p.height, p.width}}), DType::fp16);
  for (int64_t i = 0; i < p.depth; ++i) {
    const bool first = i == 0;
    if (p.int8 && !first) x = through_int8(x, 0.125);
    const Shape shape{p.outputs, p.channels, p.kernel, p.kernel};
    const std::string name = p.shared_weights ? "w" : fmt::format("w{}", i);
    x = convolution(b, x, weight(b, name, shape, p.bits), p.kernel);
  }
  b.output("y", mil::cast(x, boundary));
  return b.finish();
}

Result<mil::Function> product(const PublishedProgram& p) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {p.rows, p.inner}});
  const mil::TensorType type{DType::fp16, {p.inner, p.columns}};
  b.output("y", mil::matmul(x, p.both_inputs ? b.input("w", type) : b.weight("w", type)));
  return b.finish();
}

Result<mil::Function> softmax(const PublishedProgram& p) {
  Builder b;
  b.output("y", mil::softmax(b.input("x", {DType::fp16, {1, p.channels, 1, p.width}}), 1));
  return b.finish();
}

using Kernels = std::vector<Result<model::Kernel>>;

Kernels training_kernels(const model::Geometry& g, const std::string& pipeline, const std::string& pass) {
  using enum model::WeightSource;
  const bool is_static = pipeline == "static";
  Kernels kernels;
  if (pass != "backward" && is_static) kernels = {model::attention_forward(g), model::ffn_forward(g)};
  if (pass != "backward" && !is_static) kernels = {model::sdpa_forward(g), model::wo_forward(g), model::ffn_fused(g)};
  if (pass == "forward") return kernels;
  const Kernels backward =
      is_static ? Kernels{model::ffn_backward(g), model::sdpa_backward1(g, baked), model::qkv_backward(g)}
                : Kernels{model::ffn_backward_w2(g),         model::ffn_backward_w13(g), model::wo_backward(g),
                          model::sdpa_backward1(g, dynamic), model::q_backward(g),       model::kv_backward(g)};
  kernels.insert(kernels.end(), backward.begin(), backward.end());
  kernels.push_back(model::sdpa_backward2(g, is_static ? baked : dynamic));
  return kernels;
}

// Stories110M over 256 tokens. A pass runs each program once a layer; without a pass they are compiled: once a layer
// where weights are baked, else once.
Result<std::vector<RepeatedProgram>> training(const PublishedProgram& p) {
  const model::Config config = TRY(model::find_config("stories110m"));
  const model::Geometry geometry{.config = config, .batch = 1, .seq = 256};
  const bool once = p.pass.empty() && p.pipeline == "dynamic";
  std::vector<RepeatedProgram> programs;
  for (Result<model::Kernel>& kernel : training_kernels(geometry, p.pipeline, p.pass)) {
    programs.push_back({TRY(std::move(kernel)).function, once ? 1 : config.layers});
  }
  return programs;
}

}  // namespace

Result<std::vector<RepeatedProgram>> programs_of(const PublishedProgram& program) {
  if (program.kind.empty()) return std::vector<RepeatedProgram>{};
  if (program.kind == "training") return training(program);
  const auto build = program.kind == "product" ? product : program.kind == "softmax" ? softmax : convolutions;
  return std::vector<RepeatedProgram>{{TRY(build(program))}};
}

}  // namespace anemone::bench
