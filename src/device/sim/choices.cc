#include "device/sim/choices.h"

#include <iterator>

namespace anemone::sim {
namespace {

constexpr ChoiceText kChoices[] = {
    {Choice::table_special_inputs, "table-special-inputs",
     "Inputs of exponent 31 are numbers, as in products. Where a table has a header, it names the ends 0 and infinity "
     "(65536) of its inputs and the results there: log -inf and 0, sqrt 0 and inf, inverse inf and 0; what lies beyond "
     "an end gets its result, inverse's header being read at the magnitude. rsqrt is taken to have inverse's header, "
     "which it reads below 0 too. No result is -0.",
     "The headers (751K study) are log 0, inf, -inf, 0; sqrt 0, inf, 0, inf; inverse 0, inf, inf, 0; floor -inf, inf. "
     "Read as two ends and the results there they fit each function, but for log at infinity; the order of the "
     "numbers, "
     "what happens beyond the ends, and NaN were not published."},
    {Choice::fitted_tails, "fitted-tails",
     "Beyond their tables erf is min(1, 0.97038 + 0.0124|x|) with x's sign from |x| = 2, and sigmoid "
     "max(0, 3.3545e-4 + 1.732e-4 (x + 8)) below -8 and 1 less that of -x above 8.",
     "The lines were fitted to published error figures of erf and of sigmoid below -8 (751K study, M6); sigmoid above "
     "8 "
     "was not published."},
    {Choice::epsilon_rounding, "epsilon-rounding",
     "The epsilon of log and rsqrt is rounded to a multiple of 2^-16 and added to x, the sum rounded to a half; their "
     "defaults become 0.",
     "inverse does so: its default 1e-4 acts as 7 * 2^-16 (751K study, M6). The others were not published."},
    {Choice::sin_phase, "sin-phase",
     "|x| * 2/pi is rounded, to nearest, to 16 bits after the point: 18 bits of a turn. Below 1.2e-5 sin is 0.",
     "The range reduction was not published; about 18 bits were inferred. Of 14 to 21 bits after the point, rounded "
     "down, "
     "up or to nearest, only 14 and 16 to nearest give both published errors over |x| <= 20, 6.3e-4 at most and 45 ulp "
     "beside pi; of these 16 makes 18 bits of a turn."},
    {Choice::gelu_and_silu_tables, "gelu-and-silu-tables",
     "Approximate: the 33 entries are those whose lines are nearest to the function in the sense of least squares over "
     "all normal halves within [-4, 4] for gelu, whatever its mode, and [-8, 8] for silu. Above the table the result "
     "is x, below "
     "0.",
     "The entries were not published; only gelu(0) = -7.6e-4, gelu(1/4) = 0.1436, silu(0) = -1.7e-3, silu(1/2) = 0.296 "
     "and the largest errors, 6.2e-3 and 1.5e-2 (751K study, M6). This criterion gives these figures, but 6.1e-3 for "
     "gelu's largest error; least squares over an even grid, or over all halves, gives other values at 0. Beyond the "
     "tables nothing was published."},
    {Choice::round_adds_half, "round-adds-half",
     "round is floor(|x| + 1/2) with x's sign, the sum rounded to a half, ties away from zero. From 1024 to 2047 all "
     "results are too large by 1, and 1/2 - 2^-12 becomes 1.",
     "round goes half away from zero, and 1024, 1025 and -2047 become 1025, 1026 and -2048 (ANEForge, pull request "
     "116): "
     "this arithmetic gives all of that. Below 1024 it was not tested case by case."},
    {Choice::exp2_from_exp, "exp2-from-exp", "exp2 is exp without its first product.",
     "exp's table is one of powers of 2 (751K study, M6). exp2 runs on the engine; its arithmetic was not published."},
    {Choice::cos_from_sin, "cos-from-sin", "cos is sin's table, one quadrant further.",
     "cos runs on the engine; its arithmetic was not published."},
    {Choice::atan_table, "atan-table",
     "atan reads a table atan(i/32) up to |x| = 1; beyond it is pi/2 - atan(1/|x|), with inverse's table, each step "
     "rounded "
     "to a half.",
     "atan is not among the ops that the engine lacks (751K study, M4); its arithmetic was not published."},
    {Choice::composed_functions, "composed-functions",
     "Functions without a published arithmetic follow their formula in steps, each as the engine does it and rounded "
     "to a "
     "half: softplus max(x, 0) + log(1 + exp(-|x|)), softsign x * inverse(1 + |x|), elu alpha * (exp(x) - 1), "
     "linear_activation alpha * x + beta, ceil -floor(-x).",
     "They run on the engine; their arithmetic was not published."},
    {Choice::settings_as_halves, "settings-as-halves",
     "An op's numbers (alpha, beta) are rounded to halves before use, ties away from zero.",
     "The compiler's rounding of such constants was not published."},
    {Choice::run_time_products, "run-time-products",
     "A product of two values computed at run time follows the rule of products with constant weights.",
     "The accumulator was measured with constant weights (751K study)."},
    {Choice::elementwise_everywhere, "elementwise-everywhere",
     "Sums, differences and products of elements are on every chip what they are on M6; maximum and minimum are exact.",
     "They were measured on M6 alone (751K study); the accumulator is the same on M1 to M6."},
    {Choice::division, "division", "x / y is x times the table of 1/y without an epsilon, rounded.",
     "How the engine divides was not published; ANEForge's softmax is consistent with a table of inverses."},
    {Choice::power, "power",
     "x^y is x·x for y = 2, the tables of rsqrt, sqrt and inverse for y = -1/2, 1/2 and -1, and else exp(y·log x) in "
     "steps.",
     "pow runs on the engine; its arithmetic was not published."},
    {Choice::reduction_order, "reduction-order",
     "Sums over an axis are kept in halves, ties away from zero, element i with element i + ⌈n/2⌉ until one is left; a "
     "mean is such a sum times 1/n as a half.",
     "Partial sums are halves: integers are exact to 2048 alone, and 2049 in eight terms gives 2050 (ANEForge). Their "
     "order differs between chips and no simple one fits: error norms over 4096 terms are about 8e-4, half of this "
     "tree's. A tree that rounds to even has such norms, but would make 2048 of 2049."},
    {Choice::boundary_casts, "boundary-casts",
     "Values declared fp32 are halves inside; an fp32 input is rounded to nearest, ties away from zero, and a "
     "constant, "
     "which the compiler rounds, to even.",
     "The engine has no other arithmetic; how it rounds at a cast was not published."},
    {Choice::exact_elsewhere, "exact-elsewhere",
     "An op whose arithmetic was not published is computed exactly and rounded once, ties away from zero.",
     "It is what the engine does where its arithmetic was measured, but for tables."},
    {Choice::attention_mask, "attention-mask",
     "scaled_dot_product_attention ignores its attn_mask on the direct path and applies it by Core ML; its parts are "
     "those of the op's composition.",
     "maderix (M4) and Orion (M4 Max) saw it ignored, ANEForge saw one shared mask applied; the op's arithmetic was "
     "not published."},
    {Choice::int8_rounding, "int8-rounding", "quantize divides exactly and rounds ties away from zero.",
     "Ties were not tested (751K study); the engine's other roundings are away from zero."},
    {Choice::int8_bias, "int8-bias",
     "The bias of an int8 convolution is added to the scaled sum, before the one rounding; an overflow is infinite "
     "whatever the scale and the bias.",
     "Where it enters was not published."},
    {Choice::int8_overflow, "int8-overflow", "A sum of int8 products that reaches -2^31 is minus infinity.",
     "+2^31 gives infinity (M6, 751K study); negative overflow was not tested."},
    {Choice::winograd_when, "winograd-when",
     "M5 and M6 use Winograd's algorithm for every convolution that is 3 wide and 1 or 3 high, of stride and dilation "
     "1, "
     "in one group, with constant weights that are not sparse.",
     "It was seen for 1×3 and 3×3, and not with dilation or sparse weights (751K study); the exact condition was not "
     "published."},
    {Choice::winograd_bias, "winograd-bias", "The bias is the first value of the sum M1, which each result contains.",
     "Where it enters was not published."},
    {Choice::winograd_overflow, "winograd-overflow",
     "Each of the four sums overflows by itself, and the first of them that did is the result.",
     "Their overflow was not published."},
};

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kChoices); ++i) {
    if (static_cast<size_t>(kChoices[i].choice) != i) return false;
  }
  return true;
}
static_assert(in_order(), "choices.cc lists each choice once, in the order of the enumeration");

}  // namespace

std::span<const ChoiceText> choices() { return kChoices; }

const ChoiceText& describe(Choice choice) { return kChoices[static_cast<size_t>(choice)]; }

}  // namespace anemone::sim
