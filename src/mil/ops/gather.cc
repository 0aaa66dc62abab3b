// Gathering and scattering by indices: gather, gather_along_axis, gather_nd and their scatters, which pair the same
// elements the other way round.
#include <algorithm>
#include <array>

#include "mil/gradient.h"
#include "mil/ops/elementwise.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

constexpr DTypes kMoved = kNumbers | kBool;
constexpr DTypes kSmall = kBytes | DTypes{DType::int16, DType::uint16};

// ---- Indices. Up to ios16 a negative one counts from the end; from ios17, the forms with validate_indices, none does.
// One that lies outside is an error where that parameter is set and the indices are constant. At run time Core ML calls
// its effect undefined, but memory-safe; here it is clamped into the range, in gathers and scatters alike, so that they
// stay each other's gradients.

class Positions {
 public:
  explicit Positions(const OpCall& c) : indices_(c.array("indices")), wrap_(!c.has("validate_indices")) {}

  // What index i of the tensor names in an axis of `size` elements.
  int64_t at(int64_t i, int64_t size) const {
    const auto index = static_cast<int64_t>(indices_.data[size_t(i)]);
    return std::clamp<int64_t>(wrap_ && index < 0 ? index + size : index, 0, size - 1);
  }

 private:
  const Array& indices_;
  bool wrap_;
};

// `sizes` are those of the axes that the indices name in turn.
Result<> check_indices(std::string_view op, const OpCall& c, const Shape& sizes) {
  const bool any = c.type("indices").count() > 0;
  if (any && std::ranges::count(sizes, 0) > 0) return fail("{}: there is nothing to index in an axis of size 0", op);
  constexpr int64_t kMostChecked = 4096;  // by each of the operations that share a constant
  const Tensor* constant = c.operands("indices")[0].constant;
  if (constant == nullptr || constant->type().count() > kMostChecked || !c.has("validate_indices") ||
      !c.flag("validate_indices"))
    return {};
  const std::vector<int64_t> indices = constant->integers();
  for (size_t i = 0; i < indices.size(); ++i) {
    const int64_t size = sizes[i % sizes.size()];
    if (indices[i] < 0 || indices[i] >= size)
      return fail("{}: index {} is out of range for size {}", op, indices[i], size);
  }
  return {};
}

Shape part(const Shape& shape, int64_t begin, int64_t end) { return {shape.begin() + begin, shape.begin() + end}; }

Shape join(Shape a, const Shape& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

int64_t batch_dims(const OpCall& c) { return c.has("batch_dims") ? c.integer("batch_dims") : 0; }

Result<> check_batch(std::string_view op, const OpCall& c, const Shape& x, int64_t most) {
  const int64_t batch = batch_dims(c);
  const Shape& indices = c.shape("indices");
  if (batch >= 0 && batch <= most && part(x, 0, batch) == part(indices, 0, batch)) return {};
  return fail("{}: batch_dims {} does not fit x {} and indices {}", op, batch, to_string(x), to_string(indices));
}

// ---- Which elements meet: those of the indexed tensor, x or data, and those of the other, a gather's result or a
// scatter's updates, in order. `shape` is that of the other.

using Meet = std::function<void(int64_t indexed, int64_t other)>;
struct Pairing {
  Result<Shape> (*shape)(std::string_view op, const OpCall& c, const Shape& indexed);
  void (*visit)(const OpCall& c, const Shape& indexed, const Meet& meet);
};

// indexed [B, P, n, Q], indices [B, m], other [B, P, m, Q].
struct Slabs {
  Slabs(const OpCall& c, const Shape& indexed) {
    const int64_t rank = int64_t(indexed.size()), batch_rank = batch_dims(c);
    axis = *normalize_axis("", c.integer("axis"), rank);
    batch = count(part(indexed, 0, batch_rank));
    before = count(part(indexed, batch_rank, axis));
    size = indexed[size_t(axis)];
    after = count(part(indexed, axis + 1, rank));
    picks = count(part(c.shape("indices"), batch_rank, c.rank("indices")));
  }
  int64_t axis, batch, before, size, after, picks;
};

Result<Shape> slab_shape(std::string_view op, const OpCall& c, const Shape& indexed) {
  const int64_t rank = int64_t(indexed.size());
  const int64_t axis = TRY(normalize_axis(op, c.integer("axis"), rank));
  TRY(check_batch(op, c, indexed, std::min(axis, c.rank("indices"))));
  TRY(check_indices(op, c, {indexed[size_t(axis)]}));
  const Shape picks = part(c.shape("indices"), batch_dims(c), c.rank("indices"));
  return join(join(part(indexed, 0, axis), picks), part(indexed, axis + 1, rank));
}

void visit_slabs(const OpCall& c, const Shape& indexed, const Meet& meet) {
  const Slabs s(c, indexed);
  const Positions positions(c);
  int64_t other = 0;
  for (int64_t outer = 0; outer < s.batch * s.before; ++outer) {
    for (int64_t i = 0; i < s.picks; ++i) {
      const int64_t at = outer * s.size + positions.at(outer / s.before * s.picks + i, s.size);
      for (int64_t q = 0; q < s.after; ++q) meet(at * s.after + q, other++);
    }
  }
}

// indexed [P, n, Q]; indices and other [P, m, Q].
Result<Shape> along_axis_shape(std::string_view op, const OpCall& c, const Shape& indexed) {
  const auto axis = size_t(TRY(normalize_axis(op, c.integer("axis"), int64_t(indexed.size()))));
  const Shape& indices = c.shape("indices");
  Shape expected = indexed;
  if (indices.size() == indexed.size()) expected[axis] = indices[axis];
  if (indices != expected) {
    return fail("{}: indices {} must have the shape {} but along axis {}", op, to_string(indices), to_string(indexed),
                axis);
  }
  TRY(check_indices(op, c, {indexed[axis]}));
  return indices;
}

void visit_along_axis(const OpCall& c, const Shape& indexed, const Meet& meet) {
  const int64_t rank = int64_t(indexed.size()), axis = *normalize_axis("", c.integer("axis"), rank);
  const int64_t size = indexed[size_t(axis)], after = count(part(indexed, axis + 1, rank));
  const int64_t picks = c.shape("indices")[size_t(axis)];
  const Positions positions(c);
  for (int64_t other = 0, n = c.type("indices").count(); other < n; ++other) {
    const int64_t outer = other / (picks * after), q = other % after;
    meet((outer * size + positions.at(other, size)) * after + q, other);
  }
}

// indexed [B, n_1, …, n_k, Q], indices [B, M, k], other [B, M, Q].
Result<Shape> nd_shape(std::string_view op, const OpCall& c, const Shape& indexed) {
  const Shape& indices = c.shape("indices");
  const int64_t rank = int64_t(indexed.size());
  if (indices.empty()) return fail("{}: indices need rank 1 or more", op);
  TRY(check_batch(op, c, indexed, std::min(rank, c.rank("indices") - 1)));
  const int64_t batch = batch_dims(c);
  if (indices.back() > rank - batch) {
    return fail("{}: indices {} name more axes than {} has", op, to_string(indices), to_string(indexed));
  }
  const int64_t inner = batch + indices.back();
  TRY(check_indices(op, c, part(indexed, batch, inner)));
  return join(part(indices, 0, c.rank("indices") - 1), part(indexed, inner, rank));
}

void visit_nd(const OpCall& c, const Shape& indexed, const Meet& meet) {
  const Shape& indices = c.shape("indices");
  const int64_t batch = batch_dims(c), axes = indices.back();
  const int64_t picks = count(part(indices, batch, c.rank("indices") - 1));
  const int64_t after = count(part(indexed, batch + axes, int64_t(indexed.size())));
  const Positions positions(c);
  int64_t other = 0;
  for (int64_t i = 0, n = count(part(indexed, 0, batch)) * picks; i < n; ++i) {
    int64_t at = i / picks;
    for (int64_t k = 0; k < axes; ++k) {
      const int64_t size = indexed[size_t(batch + k)];
      at = at * size + positions.at(i * axes + k, size);
    }
    for (int64_t q = 0; q < after; ++q) meet(at * after + q, other++);
  }
}

constexpr Pairing kSlabs{slab_shape, visit_slabs};
constexpr Pairing kAlongAxis{along_axis_shape, visit_along_axis};
constexpr Pairing kNd{nd_shape, visit_nd};

// ---- Gathers, in their forms of ios15, ios16 (batch_dims; 16-bit indices) and ios17 (validate_indices; 8-bit ones).

OpDef gather_form(std::string_view name, int since, Pairing pairing, OpDef::Gradient gradient,
                  std::string_view formula) {
  const DTypes indices = since < 16 ? kInt32 : since < 17 ? kInt32 | DTypes{DType::int16, DType::uint16} : kIndices;
  std::vector<Param> params{Param::operand("x", since < 17 ? kMoved : kMoved | kSmall),
                            Param::operand("indices", indices)};
  if (name != "gather_nd") params.push_back(Param::setting("axis", kInt32, Tensor::integer(0)));
  if (name != "gather_along_axis" && since >= 16) {
    params.push_back(Param::setting("batch_dims", kInt32, Tensor::integer(0)));
  }
  if (since >= 17) params.push_back(Param::setting("validate_indices", kBool, Tensor::boolean(false)));
  return {.name = name,
          .params = std::move(params),
          .infer = [name, pairing](const OpCall& c) -> Result<std::vector<TensorType>> {
            return {{{c.type("x").dtype, TRY(pairing.shape(name, c, c.shape("x")))}}};
          },
          .evaluate =
              [pairing](const OpCall& c, std::span<Array> results) {
                const std::vector<double>& x = c.array("x").data;
                std::vector<double>& out = results[0].data;
                pairing.visit(c, c.shape("x"), [&](int64_t from, int64_t to) { out[size_t(to)] = x[size_t(from)]; });
              },
          .gradient = std::move(gradient),
          .since = since,
          .formula = formula};
}

Tensor axis_of(const OpCall& c) { return Tensor::integer(c.integer("axis")); }

Value scatter_along_axis(Value data, Value indices, Value updates, int64_t axis) {
  return data.builder().apply("scatter_along_axis", {{"data", data},
                                                     {"indices", indices},
                                                     {"updates", updates},
                                                     {"axis", Tensor::integer(axis)},
                                                     {"mode", Tensor::text("add")}});
}

// dx[.., indices[i], ..] += dy[.., i, ..]. Scatters know no batch: with one, the indices are repeated for each element.
void gather_backward(GradientUse& use) {
  const TensorType x = use.call.type("x");
  const Slabs s(use.call, x.shape);
  const Value indices = cast(use["indices"], DType::int32);
  if (batch_dims(use.call) == 0) {
    const Shape updates =
        join(join(part(x.shape, 0, s.axis), {s.picks}), part(x.shape, s.axis + 1, int64_t(x.shape.size())));
    return use.add("x", use.b.apply("scatter", {{"data", fill(use.b, x, 0)},
                                                {"indices", reshape(indices, {s.picks})},
                                                {"updates", reshape(use.d(), updates)},
                                                {"axis", axis_of(use.call)},
                                                {"mode", Tensor::text("add")}}));
  }
  const Value repeated =
      reshape(indices, {s.batch, 1, s.picks, 1}) + fill(use.b, {DType::int32, {1, s.before, 1, s.after}}, 0);
  const Value dy = reshape(use.d(), {s.batch, s.before, s.picks, s.after});
  const Value zeros = fill(use.b, {x.dtype, {s.batch, s.before, s.size, s.after}}, 0);
  use.add("x", reshape(scatter_along_axis(zeros, repeated, dy, 2), x.shape));
}

void gather_along_axis_backward(GradientUse& use) {
  const Value zeros = fill(use.b, use.call.type("x"), 0);
  use.add("x", scatter_along_axis(zeros, cast(use["indices"], DType::int32), use.d(), use.call.integer("axis")));
}

// [B…, M…, batch]: for each entry of `indices` [B…, M…, k] the batch that it stands in.
Tensor batch_coordinates(const Shape& indices, int64_t batch) {
  Shape shape = indices;
  shape.back() = batch;
  const std::vector<int64_t> strides = packed_strides(shape);
  std::vector<double> coordinates(size_t(count(shape)));
  for (size_t i = 0; i < coordinates.size(); ++i) {
    const size_t d = i % size_t(batch);
    coordinates[i] = double(int64_t(i) / strides[d] % shape[d]);
  }
  return Tensor::from_numbers({DType::int32, shape}, coordinates);
}

// Scatters know no batch: with one, it becomes the first indices.
void gather_nd_backward(GradientUse& use) {
  const int64_t batch = batch_dims(use.call);
  Value indices = cast(use["indices"], DType::int32);
  if (batch > 0) indices = concat({use.b.constant(batch_coordinates(indices.shape(), batch)), indices}, -1);
  use.add("x", use.b.apply("scatter_nd", {{"data", fill(use.b, use.call.type("x"), 0)},
                                          {"indices", indices},
                                          {"updates", use.d()},
                                          {"mode", Tensor::text("add")}}));
}

// ---- Scatters: ios15, and ios17 with validate_indices. Where an index stands twice the updates follow in order.

struct Mode {
  std::string_view name;
  double (*f)(double data, double update);
  double (*of_integers)(double data, double update) = nullptr;  // where a double does not hold what int32 gives
};
constexpr std::array kModes{
    Mode{"add", [](double data, double update) { return data + update; }},
    Mode{"sub", [](double data, double update) { return data - update; }},
    Mode{"mul", [](double data, double update) { return data * update; }, int32_product},
    Mode{"div", [](double data, double update) { return data / update; }},
    Mode{"max", larger},
    Mode{"min", smaller},
    Mode{"update", [](double, double update) { return update; }},
};

const Mode* mode_of(const OpCall& c) {
  const auto* found = std::ranges::find(kModes, c.text("mode"), &Mode::name);
  return found == kModes.end() ? nullptr : found;
}

Result<std::vector<TensorType>> infer_scatter(std::string_view op, const Pairing& pairing, const OpCall& c) {
  if (mode_of(c) == nullptr) {
    return fail("{}: mode is \"{}\", expected add, sub, mul, div, max, min or update", op, c.text("mode"));
  }
  if (op == "scatter" && c.rank("indices") != 1) {
    return fail("scatter: indices {} need rank 1", to_string(c.shape("indices")));
  }
  const Shape expected = TRY(pairing.shape(op, c, c.shape("data")));
  if (c.shape("updates") != expected) {
    return fail("{}: updates is {}, expected {}", op, to_string(c.shape("updates")), to_string(expected));
  }
  return {{c.type("data")}};
}

void evaluate_scatter(const Pairing& pairing, const OpCall& c, std::span<Array> results) {
  std::vector<double>& out = results[0].data;
  const std::vector<double>& updates = c.array("updates").data;
  const Mode* mode = mode_of(c);
  const auto f = mode->of_integers != nullptr && !is_float(c.type("data").dtype) ? mode->of_integers : mode->f;
  out = c.array("data").data;
  pairing.visit(c, c.shape("data"),
                [&](int64_t to, int64_t from) { out[size_t(to)] = f(out[size_t(to)], updates[size_t(from)]); });
}

// 1 where x and y are equal, else 0.
Value equality(Value x, Value y) { return 1.0 - cast(cast(x - y, DType::boolean), x.dtype()); }

// y = scatter(data, indices, updates). What flows to the updates is gathered where they went. A product's or quotient's
// factor is the rest of the result; of a maximum, and of updates that overwrite each other, it is the winner's, which
// is known by its value: updates that tie each get all.
void scatter_backward(GradientUse& use, std::string_view gather) {
  const std::string_view mode = use.call.text("mode");
  const Value dy = use.d(), y = use.result(), updates = use["updates"];
  const auto place = [&](Builder::Arguments arguments) {
    arguments.emplace_back("indices", use["indices"]);
    if (use.has("axis")) arguments.emplace_back("axis", use["axis"]);
    return arguments;
  };
  const auto gathered = [&](Value x) { return use.b.apply(gather, place({{"x", x}})); };
  const auto scattered = [&](Value values) {
    return use.b.apply(gather == "gather"      ? "scatter"
                       : gather == "gather_nd" ? "scatter_nd"
                                               : "scatter_along_axis",
                       place({{"data", dy}, {"updates", values}, {"mode", Tensor::text(mode)}}));
  };
  if (mode == "add" || mode == "sub") {
    use.add("data", dy);
    use.add("updates", gathered(dy) * (mode == "add" ? 1 : -1));
  } else if (mode == "mul" || mode == "div") {
    use.add("data", scattered(updates));
    use.add("updates", gathered(dy * y) / updates * (mode == "mul" ? 1 : -1));
  } else {
    use.add("data", mode == "update" ? scattered(fill(use.b, updates.type(), 0)) : dy * equality(y, use["data"]));
    use.add("updates", gathered(dy) * equality(gathered(y), updates));
  }
}

// coremltools' pages name "update" as the default mode; its code, which is what writes programs, has "add".
OpDef scatter_form(std::string_view name, int since, Pairing pairing, std::string_view gather,
                   std::string_view formula) {
  std::vector<Param> params{Param::operand("data", kNumbers, 'T'), Param::operand("indices", kInt32),
                            Param::operand("updates", kNumbers, 'T')};
  if (name != "scatter_nd") params.push_back(Param::setting("axis", kInt32, Tensor::integer(0)));
  params.push_back(Param::setting("mode", kString, Tensor::text("add")));
  if (since >= 17) params.push_back(Param::setting("validate_indices", kBool, Tensor::boolean(false)));
  return {.name = name,
          .params = std::move(params),
          .infer = [name, pairing](const OpCall& c) { return infer_scatter(name, pairing, c); },
          .evaluate = [pairing](const OpCall& c, std::span<Array> results) { evaluate_scatter(pairing, c, results); },
          .gradient = [gather](GradientUse& use) { scatter_backward(use, gather); },
          .since = since,
          .formula = formula};
}

}  // namespace

std::vector<OpDef> gather_ops() {
  std::vector<OpDef> ops;
  for (int since : {15, 16, 17}) {
    ops.push_back(gather_form("gather", since, kSlabs, gather_backward, "y[.., i, ..] = x[.., indices[i], ..]"));
    ops.push_back(gather_form("gather_along_axis", since, kAlongAxis, gather_along_axis_backward,
                              "y[.., i, ..] = x[.., indices[.., i, ..], ..]"));
    ops.push_back(gather_form("gather_nd", since, kNd, gather_nd_backward, "y[i, ..] = x[indices[i, :], ..]"));
  }
  for (int since : {15, 17}) {
    ops.push_back(scatter_form("scatter", since, kSlabs, "gather",
                               "data, with data[.., indices[i], ..] = mode(itself, updates[.., i, ..])"));
    ops.push_back(scatter_form("scatter_along_axis", since, kAlongAxis, "gather_along_axis",
                               "data, with data[.., indices[.., i, ..], ..] = mode(itself, updates[.., i, ..])"));
    ops.push_back(scatter_form("scatter_nd", since, kNd, "gather_nd",
                               "data, with data[indices[i, :], ..] = mode(itself, updates[i, ..])"));
  }
  return ops;
}

}  // namespace anemone::mil
