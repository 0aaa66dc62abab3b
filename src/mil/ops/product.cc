// Convolution and matrix products.
#include <algorithm>
#include <array>
#include <tuple>

#include "mil/ops/families.h"
#include "mil/ops/window.h"

namespace anemone::mil {
namespace {

// ---- conv: x [n, Ci, D…], weight [Co, Ci/g, K…], bias [Co] → [n, Co, out…]; correlation, 1 to 3 spatial dimensions.

// `same` splits the padding with the extra element after, `same_lower` before.
void pad_same(Window& w, bool lower) {
  const int64_t out = (w.size + w.stride - 1) / w.stride;
  const int64_t total = std::max<int64_t>(0, (out - 1) * w.stride + w.reach() - w.size);
  w.before = lower ? (total + 1) / 2 : total / 2;
  w.after = total - w.before;
}

}  // namespace

Result<std::vector<Window>> conv_windows(const OpCall& c) {
  const Shape& x = c.type("x").shape;
  const Shape& weight = c.type("weight").shape;
  if (x.size() < 3 || x.size() > 5 || weight.size() != x.size()) {
    return fail("conv: x {} and weight {} must have one rank, 3 to 5", to_string(x), to_string(weight));
  }
  const size_t spatial = x.size() - 2;
  const auto per_dim = [&](std::string_view name, int64_t fallback) {
    return c.has(name) ? c.integers(name) : std::vector<int64_t>(spatial, fallback);
  };
  const auto strides = per_dim("strides", 1), dilations = per_dim("dilations", 1);
  const auto pad = c.has("pad") ? c.integers("pad") : std::vector<int64_t>(2 * spatial, 0);
  if (strides.size() != spatial || dilations.size() != spatial || pad.size() != 2 * spatial) {
    return fail("conv: strides and dilations need {} numbers, pad {}", spatial, 2 * spatial);
  }
  const std::string_view pad_type = c.text("pad_type");
  if (pad_type != "valid" && pad_type != "custom" && pad_type != "same" && pad_type != "same_lower") {
    return fail("conv: pad_type is \"{}\", expected valid, custom, same or same_lower", pad_type);
  }
  std::vector<Window> windows;
  for (size_t d = 0; d < spatial; ++d) {
    Window w{x[d + 2], weight[d + 2], strides[d], dilations[d], 0, 0};
    if (w.stride < 1 || w.dilation < 1) return fail("conv: strides and dilations must be positive");
    if (pad[2 * d] < 0 || pad[2 * d + 1] < 0) return fail("conv: pad must not be negative");
    if (pad_type == "custom") w.before = pad[2 * d], w.after = pad[2 * d + 1];
    if (pad_type.starts_with("same")) pad_same(w, pad_type == "same_lower");
    if (w.size + w.before + w.after < w.reach()) return fail("conv: the kernel is larger than the padded input");
    windows.push_back(w);
  }
  return windows;
}

namespace {

Result<std::vector<TensorType>> infer_conv(const OpCall& c) {
  const std::vector<Window> windows = TRY(conv_windows(c));
  const Shape& x = c.type("x").shape;
  const Shape& weight = c.type("weight").shape;
  const int64_t groups = c.integer("groups");
  if (groups < 1 || x[1] != weight[1] * groups || weight[0] % groups != 0) {
    return fail("conv: x {} has not the channels of weight {} with {} groups", to_string(x), to_string(weight), groups);
  }
  if (c.has("bias") && c.type("bias").shape != Shape{weight[0]}) {
    return fail("conv: bias is {}, expected [{}]", to_string(c.type("bias").shape), weight[0]);
  }
  Shape out{x[0], weight[0]};
  for (const Window& w : windows) out.push_back(w.out());
  return {{{c.type("x").dtype, out}}};
}

// One output element: Σ over the group's input channels and the kernel window.
class ConvSum {
 public:
  ConvSum(const OpCall& c, std::vector<Window> windows)
      : x_(c.array("x")), weight_(c.array("weight")), windows_(std::move(windows)) {
    while (windows_.size() < 3) windows_.insert(windows_.begin(), Window{1, 1, 1, 1, 0, 0});
    per_group_ = weight_.type.shape[0] / c.integer("groups");
  }

  double at(int64_t n, int64_t channel, const std::array<int64_t, 3>& out) const {
    const int64_t in_channels = weight_.type.shape[1];
    double total = 0;
    for (int64_t i = 0; i < in_channels; ++i) {
      const int64_t plane = n * x_.type.shape[1] + channel / per_group_ * in_channels + i;
      total += plane_sum(plane, channel * in_channels + i, out);
    }
    return total;
  }

 private:
  double plane_sum(int64_t x_plane, int64_t w_plane, const std::array<int64_t, 3>& out) const {
    const auto& [d0, d1, d2] = std::tie(windows_[0], windows_[1], windows_[2]);
    double total = 0;
    for (int64_t a = 0; a < d0.kernel; ++a) {
      for (int64_t b = 0; b < d1.kernel; ++b) {
        for (int64_t e = 0; e < d2.kernel; ++e) {
          const int64_t i = out[0] * d0.stride + a * d0.dilation - d0.before;
          const int64_t j = out[1] * d1.stride + b * d1.dilation - d1.before;
          const int64_t k = out[2] * d2.stride + e * d2.dilation - d2.before;
          if (i < 0 || j < 0 || k < 0 || i >= d0.size || j >= d1.size || k >= d2.size) continue;
          total += x_.data[size_t(((x_plane * d0.size + i) * d1.size + j) * d2.size + k)] *
                   weight_.data[size_t(((w_plane * d0.kernel + a) * d1.kernel + b) * d2.kernel + e)];
        }
      }
    }
    return total;
  }

  const Array& x_;
  const Array& weight_;
  std::vector<Window> windows_;
  int64_t per_group_;
};

void evaluate_conv(const OpCall& c, std::span<Array> results) {
  const std::vector<Window> windows = *conv_windows(c);
  const ConvSum sum(c, windows);
  std::array<int64_t, 3> out{1, 1, 1};
  for (size_t d = 0; d < windows.size(); ++d) out[3 - windows.size() + d] = windows[d].out();
  const Shape& shape = results[0].type.shape;
  size_t at = 0;
  for (int64_t n = 0; n < shape[0]; ++n) {
    for (int64_t channel = 0; channel < shape[1]; ++channel) {
      const double bias = c.has("bias") ? c.array("bias").data[size_t(channel)] : 0;
      for (int64_t p = 0; p < out[0] * out[1] * out[2]; ++p) {
        const std::array<int64_t, 3> place{p / (out[1] * out[2]), p / out[2] % out[1], p % out[2]};
        results[0].data[at++] = bias + sum.at(n, channel, place);
      }
    }
  }
}

OpDef conv_op() {
  return {"conv",
          {Param::operand("x", kFloats, 'T'), Param::operand("weight", kFloats, 'T'),
           Param::operand("bias", kFloats, 'T').maybe(), Param::setting("strides", kInt32).maybe(),
           Param::setting("pad_type", kString, Tensor::text("valid")), Param::setting("pad", kInt32).maybe(),
           Param::setting("dilations", kInt32).maybe(), Param::setting("groups", kInt32, Tensor::integer(1))},
          infer_conv,
          evaluate_conv};
}

// ---- matmul: [.., m, k] · [.., k, n] with transposes; leading dimensions broadcast; rank 1 is a row or a column.

struct Product {
  Shape batch, x_batch, y_batch;
  int64_t m, n, k;
};

Result<Product> product_of(const OpCall& c) {
  Shape x = c.type("x").shape, y = c.type("y").shape;
  const bool tx = c.flag("transpose_x"), ty = c.flag("transpose_y");
  if (x.empty() || y.empty() || (tx && x.size() == 1) || (ty && y.size() == 1)) {
    return fail("matmul: operands need rank 1 or more, transposed ones rank 2");
  }
  if (x.size() == 1) x.insert(x.begin(), 1);
  if (y.size() == 1) y.push_back(1);
  const int64_t rows = x[x.size() - 2], columns = x.back(), y_rows = y[y.size() - 2], y_columns = y.back();
  Product p{{},
            {x.begin(), x.end() - 2},
            {y.begin(), y.end() - 2},
            tx ? columns : rows,
            ty ? y_rows : y_columns,
            tx ? rows : columns};
  if (p.k != (ty ? y_columns : y_rows)) {
    return fail("matmul: {} and {} do not share their contracted dimension", to_string(c.type("x").shape),
                to_string(c.type("y").shape));
  }
  p.batch = TRY(broadcast("matmul", p.x_batch, p.y_batch));
  return p;
}

Result<std::vector<TensorType>> infer_matmul(const OpCall& c) {
  const Product p = TRY(product_of(c));
  Shape out = p.batch;
  if (c.rank("x") > 1) out.push_back(p.m);
  if (c.rank("y") > 1) out.push_back(p.n);
  return {{{c.type("x").dtype, out}}};
}

// The index of batch `b` of `out` within the broadcast `in`.
int64_t batch_index(int64_t b, const Shape& out, const Shape& in) {
  int64_t index = 0, stride = 1;
  for (size_t i = 0; i < in.size(); ++i) {  // from the innermost
    const int64_t size = in[in.size() - 1 - i];
    const int64_t extent = out[out.size() - 1 - i];
    if (size != 1) index += b % extent * stride;
    b /= extent;
    stride *= size;
  }
  return index;
}

void evaluate_matmul(const OpCall& c, std::span<Array> results) {
  const Product p = *product_of(c);
  const bool tx = c.flag("transpose_x"), ty = c.flag("transpose_y");
  for (int64_t b = 0, n = count(p.batch); b < n; ++b) {
    const double* x = c.array("x").data.data() + batch_index(b, p.batch, p.x_batch) * p.m * p.k;
    const double* y = c.array("y").data.data() + batch_index(b, p.batch, p.y_batch) * p.k * p.n;
    double* out = results[0].data.data() + b * p.m * p.n;
    for (int64_t i = 0; i < p.m; ++i) {
      std::fill_n(out + i * p.n, p.n, 0.0);
      for (int64_t k = 0; k < p.k; ++k) {
        const double xik = tx ? x[k * p.m + i] : x[i * p.k + k];
        for (int64_t j = 0; j < p.n; ++j) out[i * p.n + j] += xik * (ty ? y[j * p.k + k] : y[k * p.n + j]);
      }
    }
  }
}

OpDef matmul_op() {
  return {"matmul",
          {Param::operand("x", kNumbers, 'T'), Param::operand("y", kNumbers, 'T'),
           Param::setting("transpose_x", kBool, Tensor::boolean(false)),
           Param::setting("transpose_y", kBool, Tensor::boolean(false))},
          infer_matmul,
          evaluate_matmul};
}

}  // namespace

std::vector<OpDef> product_ops() { return {conv_op(), matmul_op()}; }

}  // namespace anemone::mil
