// Convolutions and matrix products. Slices and transpositions of their operands are absorbed into leading dimensions
// and transposition flags.
#include "device/cpu/kernels/product.h"

#include <algorithm>

#include "base/matrix.h"
#include "device/cpu/lowering.h"
#include "device/cpu/rules/matvec.h"
#include "mil/ops/window.h"

namespace anemone::cpu {
namespace {

// ---- Products of views [batch.., rows, columns]

int64_t stride_of(const View& view, size_t from_end) {
  const size_t d = view.shape.size() - from_end;
  return view.shape[d] == 1 ? 0 : view.strides[d];
}

// One of the two dimensions is contiguous, and the other leaves room for it.
bool is_matrix(const View& v) {
  const int64_t rows = v.shape[v.shape.size() - 2], columns = v.shape.back();
  const int64_t down = stride_of(v, 2), along = stride_of(v, 1);
  const bool plain = (columns == 1 || along == 1) && (rows == 1 || down >= columns);
  const bool transposed = (rows == 1 || down == 1) && (columns == 1 || along >= rows);
  return plain || transposed;
}

struct Stored {
  Transpose trans;
  int64_t ld;
};

Stored stored(const View& v) {
  const int64_t rows = v.shape[v.shape.size() - 2], columns = v.shape.back();
  const int64_t down = stride_of(v, 2), along = stride_of(v, 1);
  const bool plain = (columns == 1 || along == 1) && (rows == 1 || down >= columns);
  if (plain) return {Transpose::no, std::max(down, columns)};
  return {Transpose::yes, std::max(along, rows)};
}

// c = a · b; all three are matrices in the sense above.
BatchProduct product_of(Lowering& l, const View& a, const View& b, const View& c, Factor result) {
  const size_t rank = c.shape.size();
  const Stored sa = stored(a), sb = stored(b);
  const Gemm gemm{.trans_a = sa.trans,
                  .trans_b = sb.trans,
                  .m = c.shape[rank - 2],
                  .n = c.shape[rank - 1],
                  .k = a.shape.back(),
                  .lda = sa.ld,
                  .ldb = sb.ld,
                  .ldc = stored(c).ld};
  return {gemm, l.factors(), result, batch_loops(a, b, c), l.products()};
}

// Where oneDNN does not copy factors into an order of its own, one stored as a row for each step of the contraction,
// with rows a multiple of 2 KiB apart, falls into the same few cache sets: sgemm takes up to twice its time (oneDNN 2.6
// on Zen 3, 768×256×768: 8.0 ms where the left factor's rows are 4 KiB apart, 5.7 where the right one's are, 3.4 where
// neither's).
constexpr int64_t kSetStride = 512;      // floats
constexpr int64_t kRowPadding = 16;      // floats: a cache line
constexpr int64_t kWorthMoving = 65536;  // elements

// `rows` with its rows farther apart, where that is worth a copy.
View spread_rows(Lowering& l, const View& rows) {
  const Stored s = stored(rows);
  if (packs_factors() || s.trans == Transpose::yes || s.ld % kSetStride != 0 || rows.count() < kWorthMoving) {
    return rows;
  }
  mil::Shape padded = rows.shape;
  padded.back() += kRowPadding;
  View spread = sliced(l.temporary(padded), padded.size() - 1, 0, rows.shape.back());
  l.emit_copy(rows, spread);
  return spread;
}

// Emits c = a · b, factors of l.factors(), as words or as a factor; a transposed c is computed as cᵀ = bᵀ · aᵀ.
void emit_product(Lowering& l, const View& left, const View& right, const View& c, Factor as = Factor::fp32) {
  if (stored(c).trans == Transpose::yes) return emit_product(l, transposed(right), transposed(left), transposed(c), as);
  const View a = stored(left).trans == Transpose::yes ? transposed(spread_rows(l, transposed(left))) : left;
  const View b = spread_rows(l, right);
  const mil::DType from = l.factor_dtype(), to = as == Factor::fp32 ? mil::DType::fp32 : from;
  l.emit({a, b, c}, [product = product_of(l, a, b, c, as), a, b, c, from, to](const Pointers& p) {
    product.run(p.bytes_at(a, from), p.bytes_at(b, from), p.bytes_at(c, to));
  });
}

// Packed copies of words, where they make no matrix as they stand.
View as_matrix(Lowering& l, const View& v) {
  if (is_matrix(v)) return v;
  View copied = l.temporary(v.shape);
  l.emit_copy(v, copied);
  return copied;
}

// Words as a factor of this shape: in order, unless they are one as they stand.
View as_factor(Lowering& l, const View& words) {
  if (l.factors() == Factor::fp32) return as_matrix(l, words);
  View factor = l.temporary(words.shape, l.factor_dtype());
  l.emit_narrow(words, l.factor_dtype(), factor);
  return factor;
}

// Words [1.., rows, columns] that are stored transposed, as bfloat16 in order: as left factors oneDNN multiplies those
// faster (2.6 on Zen 4, 2048×768×256: 382 GFLOP/s transposed, 440 in order).
View turned_factor(Lowering& l, const View& words) {
  View factor = l.temporary(words.shape, mil::DType::bf16);
  const size_t rank = words.shape.size();
  const int64_t rows = words.shape[rank - 2], columns = words.shape[rank - 1], stride = stored(words).ld;
  l.emit({words, factor}, [=](const Pointers& p) {
    auto* to = reinterpret_cast<BFloat16*>(p.bytes_at(factor, mil::DType::bf16));
    anemone::transpose({p.at(words), columns, rows, stride}, to, columns);
  });
  return factor;
}

// A value computed at run time as the left factor, where it pays to turn it.
std::optional<View> turned_factor(Lowering& l, const ProductOperand& operand) {
  if (l.factors() == Factor::fp32 || l.constant(operand.id) != nullptr) return {};
  const std::optional<View> words = operand.arrange(l.read(operand.id));
  if (!words || !is_matrix(*words) || stored(*words).trans == Transpose::no) return {};
  const mil::Shape& shape = words->shape;
  const bool single = words->count() == shape[shape.size() - 1] * shape[shape.size() - 2];
  return single && words->count() >= kWorthMoving ? std::optional(turned_factor(l, *words)) : std::nullopt;
}

// A value as a factor.
View factor(Lowering& l, const ProductOperand& operand) {
  const auto& [id, arrange] = operand;
  const View view = l.read_factor(id);
  if (const std::optional<View> there = arrange(view); there && is_matrix(*there)) return *there;
  const View words = l.factors() == Factor::fp32 ? view : l.read(id);
  if (const std::optional<View> there = arrange(words)) return as_factor(l, *there);
  const View copied = l.temporary(words.shape);
  l.emit_copy(words, copied);
  return as_factor(l, *arrange(copied));
}

// c = a·b with c in order; where it is stored transposed, cᵀ = bᵀ·aᵀ.
void emit_factors(Lowering& l, const ProductOperand& a, const ProductOperand& b, const View& c) {
  if (stored(c).trans == Transpose::yes) return emit_factors(l, transposed(b), transposed(a), transposed(c));
  const std::optional<View> turned = turned_factor(l, a);
  const View left = turned ? *turned : factor(l, a);
  emit_product(l, left, factor(l, b), c);
}

Result<> lower_matmul(Lowering& l, const Node& node) {
  const View result = l.place(node.result());
  const bool x_is_row = l.shape(node.operand("x")).size() == 1, y_is_column = l.shape(node.operand("y")).size() == 1;
  const auto rows = [&](View x) -> std::optional<View> {
    if (x_is_row) x = *reshaped(x, {1, x.shape[0]});
    return node.call.flag("transpose_x") ? transposed(x) : x;
  };
  const auto columns = [&](View y) -> std::optional<View> {
    if (y_is_column) y = *reshaped(y, {y.shape[0], 1});
    return node.call.flag("transpose_y") ? transposed(y) : y;
  };
  mil::Shape shape = result.shape;
  if (y_is_column) shape.push_back(1);
  if (x_is_row) shape.insert(shape.end() - 1, 1);
  const View c = *reshaped(result, shape);
  const bool direct = is_matrix(c);
  const View target = direct ? c : l.temporary(shape);
  const ProductOperand a{node.operand("x"), rows}, b{node.operand("y"), columns};
  if (!emit_matvec(l, a, b, target)) emit_factors(l, a, b, target);
  l.settle(node.result(), direct ? result : *reshaped(target, result.shape));
  return {};
}

// ---- Convolutions

bool is_pointwise(const std::vector<mil::Window>& windows) {
  return std::ranges::all_of(
      windows, [](const mil::Window& w) { return w.kernel == 1 && w.stride == 1 && w.before == 0 && w.after == 0; });
}

// [n, groups, channels, places] of an image [n, groups·channels, D…]; nothing where the places are not evenly spaced.
std::optional<View> planes(const View& image, int64_t groups) {
  int64_t places = 1;
  for (size_t d = 2; d < image.shape.size(); ++d) places *= image.shape[d];
  return reshaped(image, {image.shape[0], groups, image.shape[1] / groups, places});
}

Windows windows_of(const View& x, const std::vector<mil::Window>& windows) {
  Windows w{.channels = x.shape[1],
            .channel_stride = x.strides[1],
            .size = {1, 1, 1},
            .x_stride = {0, 0, 0},
            .kernel = {1, 1, 1},
            .stride = {1, 1, 1},
            .dilation = {1, 1, 1},
            .before = {0, 0, 0},
            .out = {1, 1, 1}};
  const size_t missing = 3 - windows.size();
  for (size_t d = 0; d < windows.size(); ++d) {
    const mil::Window& from = windows[d];
    w.size[missing + d] = from.size;
    w.x_stride[missing + d] = x.strides[d + 2];
    w.kernel[missing + d] = from.kernel;
    w.stride[missing + d] = from.stride;
    w.dilation[missing + d] = from.dilation;
    w.before[missing + d] = from.before;
    w.out[missing + d] = from.out();
  }
  return w;
}

// [n, groups, channels·taps, places]: what each output place sees.
View gathered(Lowering& l, const View& x, const std::vector<mil::Window>& windows, int64_t groups) {
  const Windows w = windows_of(x, windows);
  View columns = l.temporary({x.shape[0], groups, x.shape[1] / groups * w.taps(), w.places()});
  l.emit({x, columns}, [=, images = x.shape[0], image = x.strides[0]](const Pointers& p) {
    for (int64_t n = 0; n < images; ++n) {
      gather_windows(w, p.at(x) + n * image, p.at(columns) + n * w.channels * w.taps() * w.places());
    }
  });
  return columns;
}

// [groups, Co/groups, Ci/groups·taps] of a weight [Co, Ci/groups, K…].
ProductOperand weight_rows(const Node& node, int64_t groups) {
  return {node.operand("weight"), [groups](const View& view) {
            return reshaped(view, {groups, view.shape[0] / groups, view.count() / view.shape[0]});
          }};
}

// Emits the products of the weight with the image's planes, or with what each output place sees of it.
void emit_conv(Lowering& l, const Node& node, const std::vector<mil::Window>& windows, int64_t groups,
               const View& target, Factor as) {
  const mil::ValueId x = node.operand("x");
  const ProductOperand weight = weight_rows(node, groups);
  if (is_pointwise(windows)) {
    const ProductOperand image{x, [groups](const View& view) { return planes(view, groups); }};
    if (emit_matvec(l, weight, image, target)) return;
    const View columns = factor(l, image);
    return emit_product(l, factor(l, weight), columns, target, as);
  }
  const View image = l.factors() == Factor::fp32 ? l.read_factor(x) : l.read(x);
  const View columns = as_factor(l, gathered(l, image, windows, groups));
  emit_product(l, factor(l, weight), columns, target, as);
}

// Where products alone read the result: rounded to what they take by the product that computes it.
bool emit_conv_to_factor(Lowering& l, const Node& node, const std::vector<mil::Window>& windows, int64_t groups) {
  if (node.call.has("bias") || !l.is_only_factor(node.result())) return false;
  const View result = l.temporary(l.shape(node.result()), l.factor_dtype()), target = *planes(result, groups);
  if (has_few(target)) return false;
  emit_conv(l, node, windows, groups, target, l.factors());
  l.define_factor(node.result(), result);
  return true;
}

Result<> lower_conv(Lowering& l, const Node& node) {
  const std::vector<mil::Window> windows = TRY(mil::conv_windows(node.call));
  const int64_t groups = node.call.integer("groups");
  if (emit_conv_to_factor(l, node, windows, groups)) return {};
  const bool biased = node.call.has("bias");
  View result = biased ? l.temporary(l.shape(node.result())) : l.place(node.result());
  auto target = planes(result, groups);
  if (!target || !is_matrix(*target)) {
    result = l.temporary(result.shape);
    target = planes(result, groups);
  }
  emit_conv(l, node, windows, groups, *target, Factor::fp32);
  if (!biased) {
    l.settle(node.result(), result);
    return {};
  }
  const View bias = l.read(node.operand("bias"));
  mil::Shape along_channels(result.shape.size(), 1);
  along_channels[1] = bias.shape[0];
  l.fuse(node.result(), {.op = ElementOp::add}, {result, *reshaped(bias, along_channels)});
  return {};
}

}  // namespace

std::vector<Rule> product_rules() { return {{"conv", lower_conv}, {"matmul", lower_matmul}}; }

}  // namespace anemone::cpu
