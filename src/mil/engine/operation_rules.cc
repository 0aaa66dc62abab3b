#include "mil/engine/operation_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace anemone::mil {
namespace {

Violation when(bool broken, std::string how) { return broken ? Violation(std::move(how)) : Violation(); }

// ---- Sizes

// The spatial sizes of a kernel: height and width, a missing height being 1.
struct Kernel {
  int64_t height = 1, width = 1;
};
Kernel kernel_of(const Shape& spatial) {
  Kernel kernel;
  if (!spatial.empty()) kernel.width = spatial.back();
  if (spatial.size() > 1) kernel.height = spatial[spatial.size() - 2];
  return kernel;
}

std::optional<Kernel> convolution_kernel(const Use& use) {
  if (!use.is({"conv", "conv_transpose"})) return {};
  const Shape& weight = use.call.shape("weight");
  return kernel_of({weight.begin() + 2, weight.end()});
}

Violation conv_kernel_over(const Use& use, int64_t width, int64_t height, int64_t square) {
  const auto k = convolution_kernel(use);
  if (!k) return {};
  const bool too_large = k->width > width || k->height > height || (k->width == k->height && k->width > square);
  return when(too_large, fmt::format("the kernel is {} high and {} wide", k->height, k->width));
}

// Kernels that the compiler rewrites; wider ones it refuses.
Violation wide_kernel(const Use& use) {
  const auto k = convolution_kernel(use);
  return when(k && k->width >= 9 && k->width <= 15, fmt::format("the kernel is {} wide", k ? k->width : 0));
}

// The vocabulary of the one program that was refused; nobody has looked for the least that is.
constexpr int64_t kRefusedChannels = 32000;

Violation many_input_channels(const Use& use) {
  if (!use.is({"conv"})) return {};
  const int64_t channels = use.call.shape("x")[1];
  return when(channels >= kRefusedChannels, fmt::format("it has {} input channels", channels));
}

Violation wide_max_pool(const Use& use) {
  if (!use.is({"max_pool"})) return {};
  const Kernel k = kernel_of(use.call.integers("kernel_sizes"));
  return when(k.width > 8, fmt::format("the kernel is {} wide", k.width));
}

// Of the results, and of the function's inputs among the operands, the first that `broken` holds for.
template <class Broken>
Violation value_that(const Use& use, const Broken& broken) {
  const auto found = [&](ValueId id) { return broken(use.function.value(id).type.shape); };
  const auto text = [&](ValueId id) { return to_string(use.function.value(id).type); };
  for (ValueId id : use.operation.results) {
    if (found(id)) return fmt::format("it gives {}", text(id));
  }
  for (const Argument& argument : use.operation.arguments) {
    for (ValueId id : argument.values) {
      if (use.producers[size_t(id)] == nullptr && found(id)) return fmt::format("it takes {}", text(id));
    }
  }
  return {};
}

// A dimension beyond `most`, among the last `count` ones.
Violation dimension_over(const Use& use, int64_t most, size_t count) {
  return value_that(use, [=](const Shape& shape) {
    const auto begin = shape.end() - std::ptrdiff_t(std::min(count, shape.size()));
    return std::any_of(begin, shape.end(), [=](int64_t d) { return d > most; });
  });
}

Violation rank_over(const Use& use, size_t most) {
  return value_that(use, [=](const Shape& shape) { return shape.size() > most; });
}

std::optional<int64_t> contraction(const Use& use) {
  if (!use.is({"matmul"})) return {};
  const Shape& x = use.call.shape("x");
  if (x.size() < 2) return x.empty() ? 1 : x[0];
  return use.call.has("transpose_x") && use.call.flag("transpose_x") ? x[x.size() - 2] : x.back();
}

Violation long_contraction(const Use& use) {
  const auto k = contraction(use);
  return when(k > 32768, fmt::format("it contracts {}", k.value_or(0)));
}

Violation broken_contraction(const Use& use) {
  const auto k = contraction(use);
  return when(k && *k % 32 != 0, fmt::format("it contracts {}", k.value_or(0)));
}

Violation topk_of_3_or_4(const Use& use) {
  if (!use.is({"topk"})) return {};
  const int64_t k = use.call.integer("k");
  return when(k == 3 || k == 4, fmt::format("k is {}", k));
}

std::vector<OperationRule> size_rules() {
  return {
      {{.id = "S10",
        .statement = "each dimension is at most 65536",
        .remedy = "split the tensor",
        .source = "ANEForge, 751K (M1 to M6)"},
       [](const Use& use) { return dimension_over(use, 65536, 5); }},
      {{.id = "S10",
        .statement = "the rank is at most 5",
        .remedy = "reshape the tensor",
        .source = "ANEForge, 751K (M1 to M6)"},
       [](const Use& use) { return rank_over(use, 5); }},
      {{.id = "S10",
        .statement = "width and height are at most 16384 on the A13 to A15 class",
        .remedy = "split the tensor, or move the length to the channels",
        .source = "ANEForge, 751K",
        .where = {.chips = kM1Class}},
       [](const Use& use) { return dimension_over(use, 16384, 2); }},
      {{.id = "S10",
        .statement = "width and height are at most 16384",
        .remedy = "split the tensor, or move the length to the channels",
        .source = "ANEForge counts M3 to the A15 class",
        .against = "751K does not",
        .where = {.chips = only({Chip::m3_ultra})}},
       [](const Use& use) { return dimension_over(use, 16384, 2); }},
      {{.id = "C10",
        .statement = "a convolution's kernel is at most 15 wide, 31 high and 16 by 16",
        .remedy = "split the kernel and add the parts",
        .source = "751K (M4, M6)",
        .where = {.chips = ~kM1Class}},
       [](const Use& use) { return conv_kernel_over(use, 15, 31, 16); }},
      {{.id = "C10",
        .statement = "a convolution's kernel is at most 13 wide on the M1 class",
        .remedy = "split the kernel and add the parts",
        .source = "751K",
        .where = {.chips = kM1Class}},
       [](const Use& use) { return conv_kernel_over(use, 13, 31, 13); }},
      {{.id = "C10",
        .statement = "kernels 9 to 15 wide are rewritten with stride 2 and twice the weights",
        .remedy = "use narrower kernels",
        .source = "751K (M4, M6)",
        .effect = Effect::slow},
       wide_kernel},
      {{.id = "C11",
        .statement = "a max_pool's kernel is at most 8 wide; an avg_pool of 14 by 14 passes",
        .remedy = "pool in two steps",
        .source = "751K (M4, M6)"},
       wide_max_pool},
      {{.id = "C12",
        .statement = "a matmul contracts at most 32768 elements",
        .remedy = "split the contraction and add the parts",
        .source = "751K (M4, M6)"},
       long_contraction},
      {{.id = "C16",
        .statement = "topk with k of 3 or 4 is rejected",
        .remedy = "ask for 5 and drop the rest",
        .source = "ANEForge; 751K: on M4 too, directly",
        .against = "751K: compiles on M6, and through Core ML on M4"},
       topk_of_3_or_4},
      {{.id = "C40",
        .statement = "a convolution of 32000 input channels is refused; 8192 are the most known to pass",
        .remedy = "use matmul",
        .source = "maderix (M4)",
        .where = {.paths = kDirect}},
       many_input_channels},
  };
}

// ---- What there is

constexpr std::array kNoImplementation = std::to_array<std::string_view>({"asin",
                                                                          "acos",
                                                                          "tan",
                                                                          "sinh",
                                                                          "cosh",
                                                                          "atanh",
                                                                          "mod",
                                                                          "cumsum",
                                                                          "reduce_prod",
                                                                          "lstm",
                                                                          "gru",
                                                                          "rnn",
                                                                          "band_part",
                                                                          "one_hot",
                                                                          "non_zero",
                                                                          "range_1d",
                                                                          "sliding_windows",
                                                                          "crop_resize",
                                                                          "scatter",
                                                                          "scatter_along_axis",
                                                                          "scatter_nd"});

Violation used(const Use& use, std::initializer_list<std::string_view> ops) { return when(use.is(ops), "it is used"); }

Violation computes_with_int32(const Use& use) {
  const auto is_int32 = [&](ValueId id) { return use.function.value(id).type.dtype == DType::int32; };
  bool found = std::ranges::any_of(use.operation.results, is_int32);
  for (const Argument& argument : use.operation.arguments) {
    const bool fixed = use.call.operands(argument.name)[0].fixed;
    found = found || (!fixed && std::ranges::any_of(argument.values, is_int32));
  }
  return when(found, "it computes with int32 at run time");
}

Violation moving_slice(const Use& use) {
  if (!use.is({"slice_by_index", "slice_by_size"})) return {};
  return when(use.at_run_time("begin"), "begin is computed at run time");
}

Violation masked_attention(const Use& use) {
  return when(use.is({"scaled_dot_product_attention"}) && use.given("attn_mask"), "it has a mask");
}

// An argument that was written in place, without a name of its own.
Violation constant_in_place(const Use& use) {
  const auto nameless = [&](ValueId id) { return use.function.value(id).name.empty(); };
  const bool broken = std::ranges::any_of(use.operation.arguments, [&](const Argument& argument) {
    return std::ranges::any_of(argument.values, nameless);
  });
  return when(broken, "an argument is a constant in place");
}

std::vector<OperationRule> implementation_rules() {
  return {
      {{.id = "C14",
        .statement = "int32 never runs on the engine",
        .remedy = "compute such values on the host, or as fp16",
        .source = "751K (M4)"},
       computes_with_int32},
      {{.id = "C15",
        .statement = "the engine has no implementation of some ops",
        .remedy = "write it with other ops, or compute it on the host",
        .source = "751K (M4): all others of 166 one-op models are taken"},
       [](const Use& use) {
         return when(std::ranges::count(kNoImplementation, use.op()) > 0, "the engine does not implement it");
       }},
      {{.id = "C15",
        .statement = "a slice begins at constant places",
        .remedy = "slice on the host, or multiply by a matrix that selects",
        .source = "751K (M4)"},
       moving_slice},
      {{.id = "C19",
        .statement = "concat is rejected",
        .remedy = "give several outputs",
        .source = "Orion (M4 Max)",
        .against = "maderix, Espresso, ANEForge and dev-erik use it",
        .where = {.chips = only({Chip::m4_max})}},
       [](const Use& use) { return used(use, {"concat"}); }},
      {{.id = "C21",
        .statement = "gelu is invalid",
        .remedy = "write it with tanh or erf",
        .source = "Orion",
        .against = "dev-erik, ANEForge and 751K run it"},
       [](const Use& use) { return used(use, {"gelu"}); }},
      {{.id = "C22",
        .statement = "rsqrt, pow and reductions are missing",
        .remedy = "reduce by a matmul with ones; take roots on the host",
        .source = "ane-train, Espresso (M1)",
        .against = "ANEForge, 751K: native from M1 to M6",
        .where = {.chips = kM1Class}},
       [](const Use& use) {
         return when(use.is({"rsqrt", "pow"}) || use.op().starts_with("reduce_"), "it is used");
       }},
      {{.id = "C35",
        .statement = "sin and cos come with the A15; the M1 is of the A14 class",
        .remedy = "take them from a table of constants",
        .source = "ANEForge",
        .where = {.chips = kM1Class}},
       [](const Use& use) {
         return used(use, {"sin", "cos"});
       }},
  };
}

// Ops that there are, in some forms.
std::vector<OperationRule> form_rules() {
  return {
      {{.id = "C20",
        .statement = "scaled_dot_product_attention ignores its mask",
        .remedy = "decompose it into matmul, add and softmax",
        .source = "maderix, Orion",
        .against = "ANEForge: one mask that all heads share works",
        .effect = Effect::wrong},
       masked_attention},
      {{.id = "C24",
        .statement = "a convolution's weights are constant: others are stale or refused",
        .remedy = "use matmul",
        .source = "field guide (M3 Max), ane-train (M1)",
        .against = "751K: taken on M4; ANEForge: for a batch of 1",
        .effect = Effect::wrong},
       [](const Use& use) {
         return when(use.is({"conv"}) && use.at_run_time("weight"), "its weight is computed at run time");
       }},
      {{.id = "C25",
        .statement = "a convolution's bias is not supported",
        .remedy = "add it with add",
        .source = "Orion",
        .against = "Core ML emits it, and it runs on M4 and M6"},
       [](const Use& use) { return when(use.is({"conv"}) && use.given("bias"), "it has a bias"); }},
      {{.id = "C26",
        .statement = "constants in place are rejected",
        .remedy = "give each a const of its own, with a name",
        .source = "Orion",
        .against = "optimised programs have them"},
       constant_in_place},
      {{.id = "C27",
        .statement = "tile poisons the engine until the process ends",
        .remedy = "use concat",
        .source = "field guide (M3 Max)",
        .against = "ANEForge, 751K: native",
        .effect = Effect::wrong},
       [](const Use& use) { return used(use, {"tile"}); }},
  };
}

// ---- What compiles and may answer wrongly or slowly

bool is_power_of_two(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

Violation odd_softmax(const Use& use) {
  if (!use.is({"softmax"})) return {};
  const Shape& shape = use.call.shape("x");
  const int64_t axis = use.call.integer("axis");
  const int64_t length = shape[size_t(axis < 0 ? axis + int64_t(shape.size()) : axis)];
  return when(!is_power_of_two(length), fmt::format("it runs over {} elements", length));
}

bool is_zero_constant(const Use& use, std::string_view name) {
  const Tensor* constant = use.call.operands(name)[0].constant;
  return constant != nullptr && constant->type().count() == 1 && constant->number(0) == 0;
}

bool comes_from(const Use& use, std::string_view name, std::string_view op_prefix) {
  const Operation* producer = use.producer(name);
  return producer != nullptr && producer->op->name.starts_with(op_prefix);
}

Violation reduction_times_zero(const Use& use) {
  if (!use.is({"mul"})) return {};
  const bool broken = (comes_from(use, "x", "reduce_") && is_zero_constant(use, "y")) ||
                      (comes_from(use, "y", "reduce_") && is_zero_constant(use, "x"));
  return when(broken, "it multiplies a reduction by zero");
}

Violation divided_root(const Use& use) {
  if (!use.is({"real_div"})) return {};
  return when(comes_from(use, "x", "sqrt") || comes_from(use, "y", "sqrt"), "an operand is a square root");
}

Violation offset_slice(const Use& use) {
  if (!use.is({"slice_by_size", "slice_by_index"}) || use.at_run_time("begin")) return {};
  const std::vector<int64_t> begin = use.call.integers("begin");
  return when(!begin.empty() && begin.back() != 0, "it is cut at a column other than 0");
}

Violation odd_channels(const Use& use) {
  if (!use.is({"conv", "linear"})) return {};
  const int64_t channels = use.call.shape("weight")[0];
  return when(channels % 128 != 0, fmt::format("it gives {} channels", channels));
}

Violation many_channels(const Use& use) {
  if (!use.is({"local_response_norm"})) return {};
  const int64_t channels = use.call.shape("x")[1];
  return when(channels > 15, fmt::format("x has {} channels", channels));
}

std::vector<OperationRule> value_rules() {
  return {
      {{.id = "C23",
        .statement = "softmax runs over a power of 2",
        .remedy = "pad with large negative numbers",
        .source = "Espresso",
        .against = "maderix: 32000 works",
        .effect = Effect::wrong},
       odd_softmax},
      {{.id = "C28",
        .statement = "the product of a reduction and zero does not compile",
        .remedy = "write the zeros as a constant",
        .source = "ANEForge"},
       reduction_times_zero},
      {{.id = "C29",
        .statement = "sqrt feeding a division gives wrong values",
        .remedy = "multiply by rsqrt",
        .source = "ane-train (M1)",
        .where = {.chips = kM1Class},
        .effect = Effect::wrong},
       divided_root},
      {{.id = "C30",
        .statement = "a matmul contracts a multiple of 32, else it gives zeros",
        .remedy = "pad the contraction with zeros",
        .source = "ane-train (M1)",
        .against = "not seen elsewhere",
        .where = {.chips = kM1Class},
        .effect = Effect::wrong},
       broken_contraction},
      {{.id = "C32",
        .statement = "a slice along the width turns magnitudes above 4094 into infinity",
        .remedy = "slice along the channels, or scale before",
        .source = "ANEForge (M1, M1 Max, M2 Pro; exact on M4 and M5)",
        .where = {.chips = kM1Class},
        .effect = Effect::risky},
       offset_slice},
      {{.id = "C33",
        .statement = "channels are a multiple of 128; 5120 is 4.7 times slower",
        .remedy = "pad the channels",
        .source = "rustane (M4 Max)",
        .against = "not seen elsewhere",
        .where = {.chips = only({Chip::m4_max})},
        .effect = Effect::slow},
       odd_channels},
      {{.id = "C34",
        .statement = "local_response_norm takes at most 15 channels",
        .remedy = "write it with square, avg_pool and pow",
        .source = "ANEForge"},
       many_channels},
  };
}

}  // namespace

const std::vector<OperationRule>& operation_rules() {
  static const std::vector<OperationRule> rules = [] {
    std::vector<OperationRule> all;
    for (const auto& part : {size_rules(), implementation_rules(), form_rules(), value_rules()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return rules;
}

}  // namespace anemone::mil
