// Recurrent layers over x [s, b, I]: lstm, gru, rnn.
//
// Their formulas are written once, for matrices of a kind V: Matrix in the reference evaluation, Value in the
// composition, which unrolls the sequence. x is a matrix [s·b, I], a step b rows of it; what a step hands to the next
// are matrices [b, H], h first.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "mil/ops/families.h"
#include "mil/rewrite.h"

namespace anemone::mil {
namespace {

// ---- Matrices of the reference evaluation. Of two operands, one may have one row, which is repeated.

struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> data;

  double at(int64_t row, int64_t column) const { return data[size_t((rows == 1 ? 0 : row) * columns + column)]; }
};

template <class F>
Matrix generate(int64_t rows, int64_t columns, const F& f) {
  Matrix y{rows, columns, {}};
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) y.data.push_back(f(r, c));
  }
  return y;
}

template <class F>
Matrix map(Matrix x, const F& f) {
  std::ranges::transform(x.data, x.data.begin(), f);
  return x;
}

Matrix operator+(const Matrix& x, const Matrix& y) {
  return generate(std::max(x.rows, y.rows), x.columns, [&](int64_t r, int64_t c) { return x.at(r, c) + y.at(r, c); });
}
Matrix operator*(const Matrix& x, const Matrix& y) {
  return generate(std::max(x.rows, y.rows), x.columns, [&](int64_t r, int64_t c) { return x.at(r, c) * y.at(r, c); });
}
Matrix operator+(Matrix x, double y) {
  return map(std::move(x), [y](double v) { return v + y; });
}
Matrix operator*(Matrix x, double y) {
  return map(std::move(x), [y](double v) { return v * y; });
}
Matrix operator-(double x, Matrix y) {
  return map(std::move(y), [x](double v) { return x - v; });
}
Matrix maximum(Matrix x, double y) {
  return map(std::move(x), [y](double v) { return larger(v, y); });
}
Matrix minimum(Matrix x, double y) {
  return map(std::move(x), [y](double v) { return smaller(v, y); });
}
Matrix tanh(Matrix x) {
  return map(std::move(x), [](double v) { return std::tanh(v); });
}
Matrix sigmoid(Matrix x) {
  return map(std::move(x), [](double v) { return 1 / (1 + std::exp(-v)); });
}

// x · yᵀ
Matrix matmul_nt(const Matrix& x, const Matrix& y) {
  return generate(x.rows, y.rows, [&](int64_t r, int64_t c) {
    double sum = 0;
    for (int64_t k = 0; k < x.columns; ++k) sum += x.at(r, k) * y.at(c, k);
    return sum;
  });
}

Matrix slice(const Matrix& x, size_t axis, int64_t begin, int64_t size) {
  if (axis == 0) return generate(size, x.columns, [&](int64_t r, int64_t c) { return x.at(begin + r, c); });
  return generate(x.rows, size, [&](int64_t r, int64_t c) { return x.at(r, begin + c); });
}

// Of equal shapes.
Matrix concat(const std::vector<Matrix>& values, int64_t axis) {
  const auto n = static_cast<int64_t>(values.size());
  const int64_t rows = values[0].rows, columns = values[0].columns;
  if (axis == 0) {
    return generate(n * rows, columns, [&](int64_t r, int64_t c) { return values[size_t(r / rows)].at(r % rows, c); });
  }
  return generate(rows, n * columns,
                  [&](int64_t r, int64_t c) { return values[size_t(c / columns)].at(r, c % columns); });
}

// ---- The formulas.

constexpr std::array<std::string_view, 6> kActivations{"tanh",         "sigmoid",     "relu",
                                                       "sigmoid_hard", "scaled_tanh", "linear"};

// The constants of sigmoid_hard and scaled_tanh are those that Core ML supports (NeuralNetwork.proto).
template <class V>
V activate(std::string_view name, const V& x) {
  if (name == "tanh") return tanh(x);
  if (name == "sigmoid") return sigmoid(x);
  if (name == "relu") return maximum(x, 0.0);
  if (name == "sigmoid_hard") return minimum(maximum(x * 0.2 + 0.5, 0.0), 1.0);
  if (name == "scaled_tanh") return tanh(x * (2.0 / 3.0)) * 1.7159;
  return x;
}

template <class V>
V plus(const V& x, const std::optional<V>& y) {
  return y ? x + *y : x;
}

// Columns [k·size, (k + 1)·size).
template <class V>
V part(const V& x, int64_t k, int64_t size) {
  return slice(x, 1, k * size, size);
}

// All parts, along either axis.
template <class V>
std::vector<V> split(const V& x, size_t axis, int64_t parts, int64_t size) {
  std::vector<V> all;
  for (int64_t k = 0; k < parts; ++k) all.push_back(slice(x, axis, k * size, size));
  return all;
}

template <class V>
using State = std::vector<V>;

// h after each step of the sequence, of which `x` [s·b, …] is a projection; `state` becomes the last. Backwards, the
// last step is the first.
template <class V, class Step>
std::vector<V> run_steps(const OpCall& call, const V& x, bool backwards, State<V>& state, const Step& step) {
  const int64_t steps = call.shape("x")[0], batch = call.shape("x")[1];
  std::vector<V> outputs;
  for (int64_t n = 0; n < steps; ++n) {
    const int64_t t = backwards ? steps - 1 - n : n;
    state = step(slice(x, 0, t * batch, batch), state);
    outputs.push_back(state[0]);
  }
  return outputs;
}

// The layer's results: every output or only the last, then the last state.
template <class V>
std::vector<V> results(const OpCall& call, const std::vector<V>& outputs, State<V> state) {
  state.insert(state.begin(), call.flag("output_sequence") ? concat(outputs, 0) : V(state[0]));
  return state;
}

bool is_reverse(const OpCall& call) { return call.text("direction") == "reverse"; }
bool is_bidirectional(const OpCall& call) { return call.text("direction") == "bidirectional"; }
int64_t hidden_size(const OpCall& call) { return call.shape("weight_hh")[1]; }

struct Lstm {
  static constexpr int64_t kGates = 4;  // i, f, o, z

  // One direction. The peepholes of i and f see the cell before the step, that of o the cell after it; `clip` bounds
  // the cell, as the cellClipThreshold of NeuralNetwork.proto does.
  template <class V, class Get>
  static std::vector<V> run_direction(const OpCall& call, const Get& get, const std::string& suffix, bool backwards,
                                      State<V>& state) {
    const int64_t H = hidden_size(call);
    const V weight_hh = *get("weight_hh" + suffix);
    const std::optional<V> peephole = get("peephole" + suffix);
    const std::vector<V> peepholes = peephole ? split(*peephole, 1, 3, H) : std::vector<V>{};
    const auto gate = [&](const V& gates, size_t k, const V& seen) {
      const V x = part(gates, int64_t(k), H);
      return activate(call.text("recurrent_activation"), peephole ? x + peepholes[k] * seen : x);
    };
    const auto step = [&](const V& x, const State<V>& before) -> State<V> {
      const V gates = x + matmul_nt(before[0], weight_hh);
      const V i = gate(gates, 0, before[1]), f = gate(gates, 1, before[1]);
      V c = f * before[1] + i * activate(call.text("cell_activation"), part(gates, 3, H));
      if (call.has("clip")) c = minimum(maximum(c, -call.number("clip")), call.number("clip"));
      return {gate(gates, 2, c) * activate(call.text("activation"), c), c};
    };
    const V x = plus(matmul_nt(*get("x"), *get("weight_ih" + suffix)), get("bias" + suffix));
    return run_steps(call, x, backwards, state, step);
  }

  template <class V, class Get>
  static std::vector<V> run(const OpCall& call, const Get& get) {
    State<V> state{*get("initial_h"), *get("initial_c")};
    if (!is_bidirectional(call)) {
      const std::vector<V> outputs = run_direction(call, get, "", is_reverse(call), state);
      return results(call, outputs, state);
    }
    const int64_t H = hidden_size(call);
    State<V> back{part(state[0], 1, H), part(state[1], 1, H)};
    state = {part(state[0], 0, H), part(state[1], 0, H)};
    std::vector<V> outputs = run_direction(call, get, "", false, state);
    const std::vector<V> backwards = run_direction(call, get, "_back", true, back);
    const size_t steps = outputs.size();
    for (size_t t = 0; t < steps; ++t) outputs[t] = concat(std::vector<V>{outputs[t], backwards[steps - 1 - t]}, 1);
    for (size_t i = 0; i < state.size(); ++i) state[i] = concat(std::vector<V>{state[i], back[i]}, 1);
    return results(call, outputs, state);
  }
};

struct Gru {
  static constexpr int64_t kGates = 3;  // r, o, z

  // With reset_after, r scales what W_hh makes of h, else h itself.
  template <class V, class Get>
  static std::vector<V> run(const OpCall& call, const Get& get) {
    const int64_t H = hidden_size(call);
    const bool reset_after = call.has("reset_after") && call.flag("reset_after");
    const std::optional<V> bias = get("bias");
    const std::vector<V> weights = split(*get("weight_hh"), 0, 3, H);
    const std::vector<V> biases = bias ? split(*bias, 1, 3, H) : std::vector<V>{};
    const auto recurrent = [&](const V& h, size_t k) {
      const V y = matmul_nt(h, weights[k]);
      return bias ? y + biases[k] : y;
    };
    const auto gate = [&](const V& x, const V& h, size_t k) {
      return activate(call.text("recurrent_activation"), part(x, int64_t(k), H) + recurrent(h, k));
    };
    const auto step = [&](const V& x, const State<V>& before) -> State<V> {
      const V& h = before[0];
      const V r = gate(x, h, 0), z = gate(x, h, 2);
      const V o =
          activate(call.text("activation"), part(x, 1, H) + (reset_after ? r * recurrent(h, 1) : recurrent(r * h, 1)));
      return {(1.0 - z) * o + z * h};
    };
    State<V> state{*get("initial_h")};
    const V x = plus(matmul_nt(*get("x"), *get("weight_ih")), get("input_bias"));
    const std::vector<V> outputs = run_steps(call, x, is_reverse(call), state, step);
    return results(call, outputs, state);
  }
};

struct Rnn {
  static constexpr int64_t kGates = 1;

  template <class V, class Get>
  static std::vector<V> run(const OpCall& call, const Get& get) {
    const V weight_hh = *get("weight_hh");
    const auto step = [&](const V& x, const State<V>& before) -> State<V> {
      return {activate(call.text("activation"), x + matmul_nt(before[0], weight_hh))};
    };
    State<V> state{*get("initial_h")};
    const V x = plus(matmul_nt(*get("x"), *get("weight_ih")), get("bias"));
    const std::vector<V> outputs = run_steps(call, x, is_reverse(call), state, step);
    return results(call, outputs, state);
  }
};

// ---- Entries of the table.

Result<> check_shape(std::string_view op, const OpCall& call, const std::string& name, const Shape& expected) {
  if (!call.has(name) || call.shape(name) == expected) return {};
  return fail("{}: parameter {} has the shape {}, expected {}", op, name, to_string(call.shape(name)),
              to_string(expected));
}

Result<> check_words(std::string_view op, const OpCall& call) {
  const bool has_back = call.has("weight_ih_back") && call.has("weight_hh_back");
  const std::string_view direction = call.text("direction");
  if (direction != "forward" && direction != "reverse" && (op != "lstm" || direction != "bidirectional")) {
    return fail("{}: direction is \"{}\", expected forward{} reverse{}", op, direction, op == "lstm" ? "," : " or",
                op == "lstm" ? " or bidirectional" : "");
  }
  if (direction == "bidirectional" && !has_back) {
    return fail("{}: direction bidirectional needs weight_ih_back and weight_hh_back", op);
  }
  for (const char* name : {"activation", "recurrent_activation", "cell_activation"}) {
    if (!call.has(name) || std::ranges::count(kActivations, call.text(name)) > 0) continue;
    return fail("{}: {} is \"{}\", expected tanh, sigmoid, relu, sigmoid_hard, scaled_tanh or linear", op, name,
                call.text(name));
  }
  return {};
}

// Results h [s or 1, b, dH], the last h [b, dH] and for lstm the last c; d is 2 where bidirectional, else 1.
Result<std::vector<TensorType>> infer(std::string_view op, int64_t gates, const OpCall& call) {
  TRY(check_words(op, call));
  const Shape& x = call.shape("x");
  if (x.size() != 3 || std::ranges::count(x, 0) > 0) {
    return fail("{}: x has the shape {}, expected [steps, batch, inputs], none of them 0", op, to_string(x));
  }
  const Shape& weight_hh = call.shape("weight_hh");
  if (weight_hh.size() != 2 || weight_hh[1] == 0) {
    return fail("{}: weight_hh has the shape {}, expected [{}H, H]", op, to_string(weight_hh), gates);
  }
  const int64_t H = weight_hh[1];
  for (const std::string suffix : {"", "_back"}) {
    if (suffix == "_back" && !is_bidirectional(call)) continue;
    TRY(check_shape(op, call, "weight_ih" + suffix, {gates * H, x[2]}));
    TRY(check_shape(op, call, "weight_hh" + suffix, {gates * H, H}));
    TRY(check_shape(op, call, "bias" + suffix, {gates * H}));
    TRY(check_shape(op, call, "peephole" + suffix, {3 * H}));
  }
  TRY(check_shape(op, call, "input_bias", {gates * H}));
  const Shape last{x[1], is_bidirectional(call) ? 2 * H : H};
  TRY(check_shape(op, call, "initial_h", last));
  TRY(check_shape(op, call, "initial_c", last));
  const DType dtype = call.type("x").dtype;
  std::vector<TensorType> types{{dtype, {call.flag("output_sequence") ? x[0] : 1, last[0], last[1]}}, {dtype, last}};
  if (call.has("initial_c")) types.push_back({dtype, last});
  return types;
}

// Vectors as one row, all else as rows of its last dimension.
std::pair<int64_t, int64_t> matrix_size(const Shape& shape) { return {count(shape) / shape.back(), shape.back()}; }

template <class Layer>
void evaluate(const OpCall& call, std::span<Array> results) {
  const auto get = [&](const std::string& name) -> std::optional<Matrix> {
    if (!call.has(name)) return std::nullopt;
    const auto [rows, columns] = matrix_size(call.shape(name));
    return Matrix{rows, columns, call.array(name).data};
  };
  std::vector<Matrix> values = Layer::template run<Matrix>(call, get);
  for (size_t i = 0; i < results.size(); ++i) results[i].data = std::move(values[i].data);
}

template <class Layer>
std::vector<Value> compose(std::string_view op, OpUse& use) {
  const auto get = [&](const std::string& name) -> std::optional<Value> {
    if (!use.has(name)) return std::nullopt;
    const auto [rows, columns] = matrix_size(use.call.shape(name));
    return use[name].shape().size() == 2 ? use[name] : reshape(use[name], {rows, columns});
  };
  std::vector<Value> values = Layer::template run<Value>(use.call, get);
  const std::vector<TensorType> types = *infer(op, Layer::kGates, use.call);
  for (size_t i = 0; i < values.size(); ++i) values[i] = reshape(values[i], types[i].shape);
  return values;
}

// What all three take, then what is their own.
template <class Layer>
OpDef layer(std::string_view name, int since, DTypes floats, const std::vector<Param>& own, std::string_view formula) {
  std::vector<Param> params{
      Param::operand("x", floats, 'T'),
      Param::operand("initial_h", floats, 'T'),
      Param::weight("weight_ih", floats, 'T'),
      Param::weight("weight_hh", floats, 'T'),
      Param::weight("bias", floats, 'T').maybe(),
      Param::setting("direction", kString, Tensor::text("forward")),
      Param::setting("output_sequence", kBool, Tensor::boolean(false)),
      Param::setting("activation", kString, Tensor::text("tanh")),
  };
  params.insert(params.end(), own.begin(), own.end());
  return {.name = name,
          .params = std::move(params),
          .infer = [name](const OpCall& call) { return infer(name, Layer::kGates, call); },
          .evaluate = evaluate<Layer>,
          .compose = [name](OpUse& use) { return compose<Layer>(name, use); },
          .since = since,
          .formula = formula};
}

Param gate_activation() { return Param::setting("recurrent_activation", kString, Tensor::text("sigmoid")); }

OpDef lstm(int since, DTypes floats) {
  return layer<Lstm>("lstm", since, floats,
                     {
                         Param::operand("initial_c", floats, 'T'),
                         Param::weight("peephole", floats, 'T').maybe(),
                         Param::weight("weight_ih_back", floats, 'T').maybe(),
                         Param::weight("weight_hh_back", floats, 'T').maybe(),
                         Param::weight("bias_back", floats, 'T').maybe(),
                         Param::weight("peephole_back", floats, 'T').maybe(),
                         gate_activation(),
                         Param::setting("cell_activation", kString, Tensor::text("tanh")),
                         Param::one_number("clip", floats).maybe(),
                     },
                     "c = f·c + i·cell(z), h = o·act(c); rows of the weights: i, f, o, z");
}

OpDef gru(int since, DTypes floats) {
  std::vector<Param> own{gate_activation()};
  if (since >= 18) {
    own.push_back(Param::setting("reset_after", kBool, Tensor::boolean(false)));
    own.push_back(Param::weight("input_bias", floats, 'T').maybe());
  }
  return layer<Gru>("gru", since, floats, own,
                    "o = act(W_o x + R_o (r·h) + b_o), h = (1 − z)·o + z·h; rows of the weights: r, o, z");
}

OpDef rnn(int since, DTypes floats) { return layer<Rnn>("rnn", since, floats, {}, "h = act(W x + R h + b)"); }

}  // namespace

std::vector<OpDef> recurrent_ops() {
  constexpr DTypes kFp32{DType::fp32};
  return {
      lstm(15, kFp32),  lstm(17, kFloats), gru(15, kFp32),   gru(17, kFloats),
      gru(18, kFloats), rnn(15, kFp32),    rnn(17, kFloats),
  };
}

}  // namespace anemone::mil
