#include "device/sim/functions.h"

#include <algorithm>
#include <cmath>

#include "device/sim/arithmetic/number.h"
#include "device/sim/arithmetic/table_functions.h"

namespace anemone::sim {
namespace {

using mil::OpCall;

// ---- A half as formulas see it: each step's result is rounded to a half. It converts by itself, so that they read so.

struct Number {
  Half half;

  Number(Half h) : half(h) {}
  Number(double exact) : half(half_away(exact)) {}
  operator Half() const { return half; }
};

double value(Number n) { return decode(n.half); }

Number operator+(Number a, Number b) { return value(a) + value(b); }
Number operator-(Number a, Number b) { return value(a) - value(b); }
Number operator*(Number a, Number b) { return value(a) * value(b); }
bool operator<(Number a, Number b) { return value(a) < value(b); }

Number abs(Number x) { return std::fabs(value(x)); }
Number floor(Number x) { return std::floor(value(x)); }
Number larger(Number a, Number b) { return a < b ? b : a; }
Number smaller(Number a, Number b) { return b < a ? b : a; }
Number with_sign_of(Number x, Number size) { return x < 0.0 ? -value(size) : value(size); }

// ---- Formulas

// The numbers that an op takes beside x; 0 where it has none of the name.
struct Settings {
  Number alpha = 0.0, beta = 0.0;
  double epsilon = 0;
};

Number leaky_relu(Number x, Number slope) { return x < 0.0 ? slope * x : x; }

Number softplus(Number x) { return larger(x, 0.0) + Number(log_of(Number(1.0) + exp_of(0.0 - abs(x)))); }

struct Served {
  std::string_view op;
  Number (*f)(Number x, const Settings& s);
  std::vector<Choice> choices = {};
};

const std::vector<Served>& published() {
  using enum Choice;
  using N = Number;
  using S = Settings;
  static const std::vector<Served> ops{
      {"abs", [](N x, const S&) { return abs(x); }},
      {"sign", [](N x, const S&) { return with_sign_of(x, value(x) == 0 ? 0.0 : 1.0); }},
      {"square", [](N x, const S&) { return x * x; }},
      {"relu", [](N x, const S&) { return larger(x, 0.0); }},
      {"floor", [](N x, const S&) { return floor(x); }},
      {"tanh", [](N x, const S&) { return N(tanh_of(x)); }, {table_special_inputs}},
      {"erf", [](N x, const S&) { return N(erf_of(x)); }, {table_special_inputs, fitted_tails}},
      {"sigmoid", [](N x, const S&) { return N(sigmoid_of(x)); }, {table_special_inputs, fitted_tails}},
      {"exp", [](N x, const S&) { return N(exp_of(x)); }, {table_special_inputs}},
      {"log",
       [](N x, const S& s) { return N(log_of(plus_epsilon(x, s.epsilon))); },
       {table_special_inputs, epsilon_rounding}},
      {"sqrt", [](N x, const S&) { return N(sqrt_of(x)); }, {table_special_inputs}},
      {"rsqrt",
       [](N x, const S& s) { return N(rsqrt_of(plus_epsilon(x, s.epsilon))); },
       {table_special_inputs, epsilon_rounding}},
      {"inverse", [](N x, const S& s) { return N(inverse_of(plus_epsilon(x, s.epsilon))); }, {table_special_inputs}},
      {"sin", [](N x, const S&) { return N(sin_of(x)); }, {table_special_inputs, sin_phase}},
      {"gelu", [](N x, const S&) { return N(gelu_of(x)); }, {table_special_inputs, gelu_and_silu_tables}},
      {"silu", [](N x, const S&) { return N(silu_of(x)); }, {table_special_inputs, gelu_and_silu_tables}},
  };
  return ops;
}

const std::vector<Served>& chosen() {
  using enum Choice;
  using N = Number;
  using S = Settings;
  static const std::vector<Served> ops{
      {"round", [](N x, const S&) { return with_sign_of(x, floor(abs(x) + 0.5)); }, {round_adds_half}},
      {"ceil", [](N x, const S&) { return 0.0 - floor(0.0 - x); }, {composed_functions}},
      {"exp2", [](N x, const S&) { return N(exp2_of(x)); }, {table_special_inputs, exp2_from_exp}},
      {"cos", [](N x, const S&) { return N(cos_of(x)); }, {table_special_inputs, sin_phase, cos_from_sin}},
      {"atan", [](N x, const S&) { return N(atan_of(x)); }, {table_special_inputs, atan_table}},
      {"relu6", [](N x, const S&) { return smaller(larger(x, 0.0), 6.0); }, {composed_functions}},
      {"softplus", [](N x, const S&) { return softplus(x); }, {table_special_inputs, composed_functions}},
      {"softsign",
       [](N x, const S&) { return x * N(inverse_of(N(1.0) + abs(x))); },
       {table_special_inputs, composed_functions}},
  };
  return ops;
}

const std::vector<Served>& chosen_with_settings() {
  using enum Choice;
  using N = Number;
  using S = Settings;
  static const std::vector<Choice> composed{composed_functions, settings_as_halves};
  static const std::vector<Choice> with_table{table_special_inputs, composed_functions, settings_as_halves};
  static const std::vector<Served> ops{
      {"clip", [](N x, const S& s) { return smaller(larger(x, s.alpha), s.beta); }, composed},
      {"threshold", [](N x, const S& s) { return larger(x, s.alpha); }, composed},
      {"thresholded_relu", [](N x, const S& s) { return x < s.alpha ? 0.0 : x; }, composed},
      {"leaky_relu", [](N x, const S& s) { return leaky_relu(x, s.alpha); }, composed},
      {"prelu", [](N x, const S& s) { return leaky_relu(x, s.alpha); }, composed},
      {"clamped_relu", [](N x, const S& s) { return smaller(leaky_relu(x, s.alpha), s.beta); }, composed},
      {"linear_activation", [](N x, const S& s) { return s.alpha * x + s.beta; }, composed},
      {"sigmoid_hard", [](N x, const S& s) { return smaller(larger(s.alpha * x + s.beta, 0.0), 1.0); }, composed},
      {"scaled_tanh", [](N x, const S& s) { return s.alpha * N(tanh_of(s.beta * x)); }, with_table},
      {"elu", [](N x, const S& s) { return N(0.0) < x ? x : s.alpha * (N(exp_of(x)) - 1.0); }, with_table},
      {"softplus_parametric", [](N x, const S& s) { return s.alpha * softplus(s.beta * x); }, with_table},
  };
  return ops;
}

constexpr auto kThemes = {&published, &chosen, &chosen_with_settings};

const Served* find(std::string_view op) {
  for (auto* theme : kThemes) {
    for (const Served& served : theme()) {
      if (served.op == op) return &served;
    }
  }
  return nullptr;
}

// ---- Settings of a call

// The one number that a constant holds, once or many times.
std::optional<double> only_number(const mil::Tensor* constant) {
  if (constant == nullptr) return {};
  const std::vector<double> numbers = constant->numbers();
  if (numbers.empty() || std::ranges::adjacent_find(numbers, std::ranges::not_equal_to()) != numbers.end()) return {};
  return numbers[0];
}

// Reads a setting if the call has it; false where its one number is not known.
template <class Target>
bool read(const OpCall& call, std::string_view name, Target& target) {
  if (!call.has(name)) return true;
  const std::optional<double> number = only_number(call.operands(name)[0].constant);
  if (number) target = *number;
  return number.has_value();
}

std::optional<Settings> settings(const OpCall& call) {
  Settings s;
  const bool known = read(call, "alpha", s.alpha) && read(call, "beta", s.beta) && read(call, "epsilon", s.epsilon);
  return known ? std::optional(s) : std::nullopt;
}

}  // namespace

std::optional<Function> function_of(std::string_view op, const OpCall& call) {
  const Served* served = find(op);
  if (served == nullptr) return {};
  const std::optional<Settings> s = settings(call);
  if (!s) return {};
  // A half that came through unchanged is rounded like any result: what has exponent 31 becomes infinite.
  auto evaluate = [f = served->f, s = *s](Half x) -> Half { return Number(value(f(x, s))); };
  return Function{std::move(evaluate), served->choices};
}

std::vector<std::string_view> function_ops() {
  std::vector<std::string_view> ops;
  for (auto* theme : kThemes) std::ranges::transform(theme(), std::back_inserter(ops), &Served::op);
  return ops;
}

}  // namespace anemone::sim
