#include "device/sim/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <mutex>

#include "base/buffer.h"
#include "device/sim/arithmetic/accumulator.h"
#include "device/sim/lowering.h"
#include "mil/inference.h"
#include "mil/interpreter.h"

namespace anemone::sim {
namespace {

// ---- What happens inside of products

// Of one operation, over all the sums of its products.
struct Products {
  int64_t sums = 0, overflowed = 0;
  int64_t terms = 0, dropped = 0;  // that are not zero; of those, what became zero
  int64_t not_numbers = 0;         // factors that IEEE reads as infinite or NaN
};

bool is_finite(Half h) { return exponent(h) < 16; }

Products trace_rows(const Product& p, const Half* a, const Half* b, const Half* bias, int64_t begin, int64_t end) {
  Products t;
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t column = 0; column < p.columns; ++column) {
      Accumulator sum = bias == nullptr ? Accumulator() : Accumulator(bias[row]);
      for (int64_t k = 0; k < p.inner; ++k) {
        const Half w = a[row * p.a.row + k * p.a.column], x = b[k * p.b.row + column * p.b.column];
        const int64_t units = p.terms == Terms::integers ? int64_t(decode(x) * decode(w)) : product(x, w);
        sum.add_units(units);
        const bool is_zero = magnitude(x).bits == 0 || magnitude(w).bits == 0;
        t.terms += int64_t{!is_zero};
        t.dropped += int64_t{!is_zero && units == 0};
        t.not_numbers += int64_t{!is_finite(x) || !is_finite(w)};
      }
      ++t.sums;
      t.overflowed += int64_t{sum.overflowed()};
    }
  }
  return t;
}

// The vector kernels, watched.
class Watch {
 public:
  explicit Watch(Products& products) {
    kernels_ = kernels(Implementation::vectors);
    kernels_.multiply = [&products](const Product& p, const Half* a, const Half* b, const Half* bias, const Result2D& c,
                                    float* scratch) {
      multiply(p, a, b, bias, c, scratch);
      std::mutex mutex;
      parallel_for(p.rows, 1, [&](int64_t begin, int64_t end) {
        const Products part = trace_rows(p, a, b, bias, begin, end);
        const std::lock_guard lock(mutex);
        products.sums += part.sums, products.overflowed += part.overflowed;
        products.terms += part.terms, products.dropped += part.dropped;
        products.not_numbers += part.not_numbers;
      });
    };
  }
  const Kernels& watched() const { return kernels_; }

 private:
  Kernels kernels_;
};

// ---- The same operation by IEEE

// The steps that halves lie apart, if they are numbers.
int64_t ulps(Half a, Half b) {
  const auto ordered = [](Half h) { return is_negative(h) ? -int64_t{magnitude(h).bits} : int64_t{h.bits}; };
  return std::abs(ordered(a) - ordered(b));
}

bool is_same(Half a, Half b) { return ulps(a, b) == 0 || (std::isnan(a.value()) && std::isnan(b.value())); }

void compare(const std::vector<Half>& engine, const std::vector<Half>& ieee, Departure& d) {
  double most = -1;
  for (size_t i = 0; i < engine.size(); ++i) {
    if (is_same(engine[i], ieee[i])) continue;
    ++d.elements;
    d.beyond_ulp += int64_t{ulps(engine[i], ieee[i]) > 1};
    const double a = engine[i].value(), b = ieee[i].value();
    const double apart = std::isfinite(a) && std::isfinite(b) ? std::fabs(a - b) : HUGE_VAL;
    if (apart <= most) continue;
    most = apart;
    d.at = int64_t(i), d.engine = a, d.ieee = b;
  }
}

// ---- Why

bool is_product(std::string_view op) { return op == "conv" || op == "matmul" || op == "linear"; }
bool is_tabled(std::string_view op) {
  return op == "real_div" || op == "pow" || std::ranges::count(function_ops(), op) > 0;
}

void explain_products(const Products& t, std::vector<std::string>& causes) {
  if (t.overflowed > 0) {
    causes.push_back(
        fmt::format("overflow: {} of {} sums reached 2^15 on the way and stayed infinite", t.overflowed, t.sums));
  }
  if (t.dropped > 0) {
    causes.push_back(
        fmt::format("dropped products: {} of {} are zero, their factors' exponents summing to {} or less, "
                    "or less than half of 2^-16",
                    t.dropped, t.terms, kDropped));
  }
  if (t.not_numbers > 0) {
    causes.push_back(fmt::format("factors read as numbers: {} that IEEE has as infinite or NaN", t.not_numbers));
  }
}

std::vector<std::string> causes_of(const mil::Operation& operation, const Products& products, bool special,
                                   const Departure& d) {
  const std::string_view op = operation.op->name;
  std::vector<std::string> causes;
  if (is_product(op)) {
    explain_products(products, causes);
  } else if (special) {
    causes.emplace_back("operands read as numbers: some that IEEE has as infinite or NaN");
  }
  if (is_tabled(op)) causes.emplace_back("table error: the function is read from a table, with lines between entries");
  if (op.starts_with("reduce_")) causes.emplace_back("partial sums: they are kept in halves");
  if (causes.empty() || d.beyond_ulp < d.elements) {
    causes.emplace_back(is_product(op) ? "rounding: products to 2^-16 and the sum to a half, ties away from zero"
                                       : "rounding: ties away from zero");
  }
  return causes;
}

// ---- A run, an operation at a time

// The memory of one run, its inputs in place.
class Bench {
 public:
  Bench(Plan& plan, const std::vector<mil::Tensor>& inputs)
      : plan_(plan), arena_(size_t(plan.arena_halves)), scratch_(plan.scratch_floats) {
    for (const PlanBuffer& buffer : plan.buffers) {
      bases_.push_back(buffer.place == Place::constant ? plan.constants[buffer.index].data()
                                                       : arena_.data() + buffer.offset);
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::ranges::copy(sim::halves_of(inputs[i], half_away), memory().at(plan.inputs[i]));
    }
  }
  Memory memory() { return {bases_, scratch_.data()}; }

  // The steps of the operation that step `i` belongs to; the first of the next.
  size_t run_from(size_t i) {
    const mil::Operation* operation = plan_.operations[i];
    for (; i < plan_.steps.size() && plan_.operations[i] == operation; ++i) plan_.steps[i](memory());
    return i;
  }

 private:
  Plan& plan_;
  Buffer<Half> arena_;
  Buffer<float> scratch_;
  std::vector<Half*> bases_;
};

// A plan's operations, one by one.
class Explainer {
 public:
  Explainer(const mil::Function& written, const mil::Profile& profile, const Plan& plan,
            std::vector<std::optional<mil::Tensor>> constants)
      : written_(written), profile_(profile), plan_(plan), constants_(std::move(constants)) {
    for (const mil::Operation& operation : written.operations) {
      if (operation.location.line > 0 && !operation.results.empty()) at_.emplace(place(operation), &operation);
    }
  }

  // Of an operation that has just been run.
  std::vector<Departure> explain(const mil::Operation& operation, const Products& products,
                                 const Memory& memory) const {
    std::vector<Departure> departures;
    if (operation.results.empty()) return departures;  // write_state
    const auto ieee = by_ieee(operation, memory);
    for (size_t r = 0; r < operation.results.size(); ++r) {
      Departure d = named(operation, operation.results[r]);
      compare(halves_of(operation.results[r], memory), ieee[r], d);
      if (d.elements == 0) continue;
      d.causes = causes_of(operation, products, has_special_operands(operation, memory), d);
      const auto leans = plan_.choices.find(&operation);
      if (leans != plan_.choices.end()) d.choices = leans->second;
      if (ignores_mask(operation)) {
        d.causes.emplace_back("the attention of which this is a part ignores its mask: decompose it (C20)");
        d.choices.push_back(Choice::attention_mask);
      }
      departures.push_back(std::move(d));
    }
    return departures;
  }

 private:
  static std::pair<int, int> place(const mil::Operation& operation) {
    return {operation.location.line, operation.location.column};
  }

  bool ignores_mask(const mil::Operation& operation) const {
    const auto found = at_.find(place(operation));
    return profile_.path == mil::Path::direct && found != at_.end() && found->second->argument("attn_mask") != nullptr;
  }

  // By what the text has at the operation's place; by its own name where it comes from no text.
  Departure named(const mil::Operation& operation, mil::ValueId result) const {
    const mil::ValueInfo& value = plan_.function.value(result);
    Departure d{.op = std::string(operation.op->name),
                .value = value.name,
                .written = std::string(operation.op->name),
                .type = value.type,
                .location = operation.location};
    const auto found = at_.find(place(operation));
    if (found == at_.end()) return d;
    d.written = found->second->op->name;
    if (operation.results.size() == 1) d.value = written_.value(found->second->results[0]).name;
    return d;
  }

  // The results from the operands that stand in `memory`, exact but for one rounding.
  std::vector<std::vector<Half>> by_ieee(const mil::Operation& operation, const Memory& memory) const {
    std::deque<mil::Array> arrays;
    auto arguments = mil::call_arguments(plan_.function, operation, [&](mil::ValueId id) { return constant(id); });
    for (size_t a = 0; a < operation.arguments.size(); ++a) {
      for (size_t i = 0; i < arguments[a].operands.size(); ++i) {
        mil::OpCall::Operand& operand = arguments[a].operands[i];
        if (operand.constant == nullptr) operand.array = &arrays.emplace_back(array_of(operation, a, i, memory));
      }
    }
    for (mil::OpCall::Argument& argument : arguments) {
      for (mil::OpCall::Operand& operand : argument.operands) {
        if (operand.constant == nullptr || operand.type.dtype == mil::DType::string) continue;
        operand.array = &arrays.emplace_back(mil::to_array(*operand.constant));
      }
    }
    std::vector<mil::Array> results;
    for (mil::ValueId id : operation.results) {
      const mil::TensorType& type = plan_.function.value(id).type;
      results.push_back({type, std::vector<double>(size_t(type.count()))});
    }
    operation.op->evaluate(mil::OpCall(std::move(arguments)), results);
    std::vector<std::vector<Half>> halves;
    for (mil::Array& result : results) {
      mil::settle(result, mil::Rounding::none);
      std::ranges::transform(result.data, std::back_inserter(halves.emplace_back()), Half::from);
    }
    return halves;
  }

  // A value's halves in order.
  std::vector<Half> halves_of(mil::ValueId id, const Memory& memory) const {
    const View &view = *plan_.values[size_t(id)], whole = packed(-1, view.shape);
    std::vector<Half> halves(size_t(view.count()));
    if (halves.empty()) return halves;
    const Loops loops = loops_over({&whole, &view});
    for (int64_t i = 0; i < loops.count(); ++i) {
      halves[size_t(loops.element(0, i))] = memory.at(view)[loops.element(1, i)];
    }
    return halves;
  }

  mil::Array array_of(const mil::Operation& operation, size_t argument, size_t i, const Memory& memory) const {
    const mil::ValueId id = operation.arguments[argument].values[i];
    mil::Array array{plan_.function.value(id).type, {}};
    for (Half h : halves_of(id, memory)) array.data.push_back(h.value());
    return array;
  }

  bool has_special_operands(const mil::Operation& operation, const Memory& memory) const {
    for (const mil::Argument& argument : operation.arguments) {
      for (mil::ValueId id : argument.values) {
        const bool stands = plan_.values[size_t(id)].has_value();
        if (stands && !std::ranges::all_of(halves_of(id, memory), is_finite)) return true;
      }
    }
    return false;
  }

  const mil::Tensor* constant(mil::ValueId id) const {
    const auto& tensor = constants_[size_t(id)];
    return tensor ? &*tensor : nullptr;
  }

  const mil::Function& written_;
  const mil::Profile& profile_;
  const Plan& plan_;
  std::vector<std::optional<mil::Tensor>> constants_;
  std::map<std::pair<int, int>, const mil::Operation*> at_;
};

}  // namespace

Result<std::vector<Departure>> explain(const mil::Function& function, const mil::Weights& weights,
                                       const mil::Profile& profile, const std::vector<mil::Tensor>& inputs) {
  Products products;
  Tables tables;
  const Watch watch(products);
  Plan plan = TRY(lower(function, weights, {profile, &watch.watched(), &tables}));
  const Explainer explainer(function, profile, plan, TRY(mil::fold_constants(plan.function, weights)));
  Bench bench(plan, inputs);
  std::vector<Departure> departures;
  for (size_t i = 0; i < plan.steps.size();) {
    const mil::Operation* operation = plan.operations[i];
    products = {};
    i = bench.run_from(i);
    if (operation == nullptr) continue;
    for (Departure& d : explainer.explain(*operation, products, bench.memory())) departures.push_back(std::move(d));
  }
  return departures;
}

const Departure* first_responsible(const std::vector<Departure>& departures) {
  const auto first = std::ranges::find_if(departures, [](const Departure& d) { return d.beyond_ulp > 0; });
  return first == departures.end() ? nullptr : &*first;
}

}  // namespace anemone::sim
