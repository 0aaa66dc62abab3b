#include "bench/int8.h"

namespace anemone::bench {

using mil::DType;
using mil::Tensor;
using mil::Value;

Value int8_weight(mil::Builder& b, const std::string& name, const mil::Shape& shape, double scale) {
  return b.apply("constexpr_affine_dequantize",
                 {{"quantized_data", b.weight(name, {DType::int8, shape}, mil::weight_file(name))},
                  {"zero_point", Tensor::scalar(DType::int8, 0)},
                  {"scale", Tensor::scalar(DType::fp16, scale)},
                  {"axis", Tensor::integer(0)}});
}

Value through_int8(Value x, double scale) {
  const Tensor by = Tensor::scalar(DType::fp16, scale);
  const Value q = x.builder().apply("quantize", {{"input", x}, {"scale", by}, {"output_dtype", Tensor::text("int8")}});
  return x.builder().apply("dequantize", {{"input", q}, {"scale", by}});
}

}  // namespace anemone::bench
