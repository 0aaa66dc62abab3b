#include "device/sim/choices.h"

#include <iterator>

namespace anemone::sim {
namespace {

constexpr ChoiceText kChoices[] = {
    {Choice::table_special_inputs, "table-special-inputs",
     "the header of a table names an interval of inputs and the results at its two ends: log 0 → −inf and inf → 0, "
     "sqrt "
     "0 → 0 and inf → inf, inverse 0 → inf and inf → 0; an input below the interval gets the result of its lower end, "
     "and "
     "for inverse, whose arithmetic is that of magnitudes, with its sign",
     "the headers in compiled programs (751K study) are log 0, inf, −inf, 0; sqrt 0, inf, 0, inf; inverse 0, inf, inf, "
     "0; floor −inf, inf. The first two numbers are the same in the first three, as the ends of an interval would be, "
     "and the others fit as results there"},
    {Choice::table_exponent_31, "table-exponent-31",
     "an input with exponent 31 is the number that its bits give, as in products; but plus infinity is the upper end "
     "of an interval where a table's header names one",
     "inputs are decoded as numbers in products and elementwise ops (751K study); of tables it was not published"},
    {Choice::epsilon_rounding, "epsilon-rounding",
     "the epsilon of log and rsqrt is rounded to a multiple of 2^-16, as that of inverse is, so that their defaults "
     "vanish",
     "inverse's default 1e-4 acts as 7·2^-16 (751K study); the others were not published"},
    {Choice::negative_zero, "negative-zero", "no function gives −0: it becomes +0",
     "the outputs of products and elementwise ops turn −0 to +0 (751K study); of tables it was not published"},
    {Choice::round_from_1024, "round-from-1024",
     "round computes floor(half(|x| + 1/2)) with |x|'s sign; from 1024 up, where halves have no place for the ½, the "
     "sum "
     "rounds away from zero: odd numbers up to 2047 come out one too large, even ones as they are",
     "round goes half away from zero and is wrong for |x| ≥ 1024 (ANEForge); how was not published, and this is the "
     "simplest arithmetic in halves that does both"},
    {Choice::sigmoid_tail, "sigmoid-tail", "above 8 sigmoid is 1 less its tail below −8",
     "the tail below −8 was fitted to published errors; the one above was not published"},
    {Choice::sin_phase, "sin-phase", "the phase |x|·2/π of sin is rounded down to 18 fraction bits",
     "published maxima fit about 18 bits; the rounding was not published"},
    {Choice::cos_from_sin, "cos-from-sin", "cos reads sin's table one quadrant further",
     "cos runs on the engine; its arithmetic was not published"},
    {Choice::gelu_table, "gelu-table",
     "the table of gelu, 33 entries over [-4, 4], is fitted by least squares to the exact gelu",
     "its values were not published but for gelu(0) and gelu(¼); its error zeros look like a least-squares fit's"},
    {Choice::silu_table, "silu-table", "the table of silu, 33 entries over [-8, 8], is fitted by least squares",
     "its values were not published but for silu(0) and silu(½); its error zeros look like a least-squares fit's"},
    {Choice::exp2_from_exp, "exp2-from-exp", "exp2 is exp's table without the product by log2(e)",
     "exp2 runs on the engine; its arithmetic was not published"},
    {Choice::composed_activations, "composed-activations",
     "activations without a published arithmetic are computed by their formula in steps, each as the engine computes "
     "it: sums and products to halves, exp and tanh by their tables",
     "these run on the engine; their arithmetic was not published"},
    {Choice::settings_as_halves, "settings-as-halves",
     "an op's numbers, such as alpha, are rounded to halves, to nearest, ties to even, before they are used",
     "the compiler's rounding of constants was not published; it is what storing them as fp16 does"},
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
