// Constants that are stored compressed: tables of values, blocks that share a scale, values without the zeros between.
//
// A mask's bits say which elements are stored; they are counted against the values where the mask is at hand while the
// program is checked. Where it was not, elements without a value are 0.
#include <algorithm>
#include <array>
#include <bit>

#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

constexpr DTypes kTableValues = kBytes | kFloats;
constexpr DTypes kStored = kTableValues | DTypes{DType::int4, DType::uint4};
constexpr DTypes kMask{DType::uint1};
constexpr DTypes kTableIndices{DType::uint1, DType::uint2, DType::uint3, DType::uint4, DType::uint6, DType::uint8};

// ---- Masks.

// Of the first `elements` bits, each byte's low bit first.
int64_t set_bits(std::span<const std::byte> mask, int64_t elements) {
  int64_t set = 0;
  for (int64_t at = 0; at * 8 < elements; ++at) {
    const auto used = uint8_t(elements - at * 8 >= 8 ? 0xFF : (1 << (elements - at * 8)) - 1);
    set += std::popcount(uint8_t(std::to_integer<uint8_t>(mask[size_t(at)]) & used));
  }
  return set;
}

Result<> check_stored(std::string_view op, const OpCall& call, std::string_view mask, std::string_view values,
                      int64_t elements) {
  if (call.rank(values) != 1) {
    return fail("{}: parameter {} has the shape {}, expected rank 1", op, values, to_string(call.shape(values)));
  }
  const Tensor* known = call.operands(mask)[0].constant;
  if (known == nullptr) return {};
  const int64_t set = set_bits(known->bytes(), elements);
  if (set == call.shape(values)[0]) return {};
  return fail("{}: parameter {} has {} values, but {} bits of {} are set", op, values, call.shape(values)[0], set,
              mask);
}

// Every element: the next value where the mask's bit is set, else 0.
std::vector<double> spread(const std::vector<double>& mask, const std::vector<double>& values) {
  std::vector<double> dense(mask.size(), 0.0);
  size_t next = 0;
  for (size_t i = 0; i < mask.size() && next < values.size(); ++i) {
    if (mask[i] != 0) dense[i] = values[next++];
  }
  return dense;
}

// The inverse: the elements whose bit is set.
void gather(const std::vector<double>& mask, const std::vector<double>& dense, std::vector<double>& values) {
  size_t next = 0;
  for (size_t i = 0; i < mask.size() && next < values.size(); ++i) {
    if (mask[i] != 0) values[next++] = dense[i];
  }
}

// ---- Blocks: dimension d of a tensor is cut into groups[d] equal parts.

Result<> check_groups(std::string_view op, const Shape& shape, std::string_view parameter, const Shape& groups) {
  bool fits = !shape.empty() && shape.size() == groups.size();
  for (size_t d = 0; fits && d < shape.size(); ++d) fits = groups[d] > 0 && shape[d] % groups[d] == 0;
  if (fits) return {};
  return fail("{}: the groups {} of {} do not divide {}", op, to_string(groups), parameter, to_string(shape));
}

// Calls visit(i, group) for each element i of `shape` in order, with the number of its block.
template <class Visit>
void for_each_in_groups(const Shape& shape, const Shape& groups, const Visit& visit) {
  const std::vector<int64_t> strides = packed_strides(groups);
  const size_t last = shape.size() - 1;
  const int64_t length = shape[last] / groups[last];
  for (int64_t i = 0, n = count(shape); i < n;) {
    int64_t group = 0;
    for (int64_t d = int64_t(last) - 1, row = i / shape[last]; d >= 0; --d) {
      const int64_t size = shape[size_t(d)];
      group += row % size / (size / groups[size_t(d)]) * strides[size_t(d)];
      row /= size;
    }
    for (int64_t g = 0; g < groups[last]; ++g, ++group) {
      for (int64_t k = 0; k < length; ++k) visit(size_t(i++), size_t(group));
    }
  }
}

Result<> check_shift_scale(std::string_view op, const OpCall& call, std::string_view data, const Shape& shape) {
  TRY(check_groups(op, shape, "scale", call.shape("scale")));
  if (!call.has("offset")) return {};
  const TensorType& offset = call.type("offset");
  if (offset.shape != call.shape("scale")) {
    return fail("{}: offset has the shape {}, but scale has {}", op, to_string(offset.shape),
                to_string(call.shape("scale")));
  }
  if (!is_float(offset.dtype) && offset.dtype != call.type(data).dtype) {
    return fail("{}: offset is {}, expected fp16, fp32 or {}, as {} is", op, to_string(offset),
                to_string(call.type(data).dtype), data);
  }
  return {};
}

// scale·(x − offset), in place.
void shift_and_scale(const OpCall& call, const Shape& shape, std::vector<double>& x) {
  const std::vector<double>& scale = call.array("scale").data;
  const std::vector<double>* offset = call.has("offset") ? &call.array("offset").data : nullptr;
  for_each_in_groups(shape, call.shape("scale"), [&](size_t i, size_t group) {
    x[i] = scale[group] * (x[i] - (offset != nullptr ? (*offset)[group] : 0));
  });
}

// ---- Tables: lut [groups…, 2^bits, V], V values an index, which stand side by side along vector_axis.

struct Table {
  Shape groups;
  int64_t entries = 0, vector = 1;
  size_t axis = 0;

  // Of a call that has passed check_table.
  explicit Table(const OpCall& call) {
    const Shape& lut = call.shape("lut");
    groups.assign(lut.begin(), lut.end() - 2);
    entries = lut.end()[-2];
    vector = lut.back();
    const auto rank = int64_t(groups.size());
    if (call.has("vector_axis")) axis = size_t(*normalize_axis("", call.integer("vector_axis"), rank));
  }
  Shape expand(Shape shape) const {
    shape[axis] *= vector;
    return shape;
  }
  // Calls visit(i, v, to) for each element i and each v of its vector, which goes to element `to` of the expansion.
  template <class Visit>
  void for_each(const Shape& shape, const Visit& visit) const {
    const auto inner = size_t(packed_strides(shape)[axis]), n = size_t(count(shape)), V = size_t(vector);
    for (size_t i = 0; i < n; ++i) {
      for (size_t v = 0; v < V; ++v) visit(i, v, (i / inner * V + v) * inner + i % inner);
    }
  }
};

Result<> check_table(std::string_view op, const OpCall& call, std::string_view indices, const Shape& shape) {
  const Shape& lut = call.shape("lut");
  const int64_t entries = int64_t{1} << bits(call.type(indices).dtype);
  if (lut.size() != shape.size() + 2 || lut.end()[-2] != entries || lut.back() < 1) {
    return fail("{}: lut has the shape {}, expected [{} dimensions, {}, values an index]", op, to_string(lut),
                shape.size(), entries);
  }
  TRY(check_groups(op, shape, "lut", {lut.begin(), lut.end() - 2}));
  if (call.has("vector_axis")) TRY(normalize_axis(op, call.integer("vector_axis"), int64_t(shape.size())));
  if (!call.has("vector_axis") && lut.back() > 1) return fail("{}: lut holds vectors: vector_axis is missing", op);
  return {};
}

// The values that `indices` of that shape stand for.
std::vector<double> look_up(const OpCall& call, const Shape& shape, const std::vector<double>& indices) {
  const Table table(call);
  const std::vector<double>& lut = call.array("lut").data;
  std::vector<size_t> starts(indices.size());
  for_each_in_groups(shape, table.groups, [&](size_t i, size_t group) {
    starts[i] = (group * size_t(table.entries) + size_t(indices[i])) * size_t(table.vector);
  });
  std::vector<double> values(indices.size() * size_t(table.vector));
  table.for_each(shape, [&](size_t i, size_t v, size_t to) { values[to] = lut[starts[i] + v]; });
  return values;
}

// ---- Forms of ios16: bits packed into uint8, and the shape beside them.

// The elements of the tensor that `shape` describes.
Result<int64_t> described_elements(std::string_view op, const OpCall& call, std::string_view packed) {
  if (call.rank("shape") != 1 || call.rank(packed) != 1) return fail("{}: shape and {} must have rank 1", op, packed);
  const TensorType described{DType::uint8, call.integers("shape")};
  if (const auto bytes = checked_bytes(described); !bytes) return fail("{}: {}", op, bytes.error().message);
  return described.count();
}

Result<> check_packed(std::string_view op, const OpCall& call, std::string_view packed, int64_t elements,
                      int64_t width) {
  const int64_t bytes = (elements * width + 7) / 8;
  if (call.shape(packed)[0] == bytes) return {};
  return fail("{}: {} has {} bytes, but {} elements of {} bits take {}", op, packed, call.shape(packed)[0], elements,
              width, bytes);
}

// Element i occupies bits [i·width, (i + 1)·width), counted from the low bit of the first byte.
std::vector<double> unpack(const std::vector<double>& bytes, size_t elements, size_t width) {
  std::vector<double> values(elements);
  for (size_t i = 0; i < elements; ++i) {
    const size_t at = i * width / 8;
    const unsigned low = unsigned(bytes[at]), high = at + 1 < bytes.size() ? unsigned(bytes[at + 1]) : 0;
    values[i] = ((low | high << 8) >> (i * width % 8)) & ((1U << width) - 1);
  }
  return values;
}

OpDef lut_to_dense_16() {
  static constexpr std::string_view kName = "constexpr_lut_to_dense";
  const auto width = [](const OpCall& call) { return int64_t(std::bit_width(uint64_t(call.shape("lut")[0]))) - 1; };
  return {.name = kName,
          .params = {Param::weight("indices", {DType::uint8}), Param::weight("lut", kTableValues),
                     Param::setting("shape", {DType::uint32})},
          .infer = [width](const OpCall& call) -> Result<std::vector<TensorType>> {
            const Shape& lut = call.shape("lut");
            constexpr std::array<int64_t, 5> kSizes{2, 4, 16, 64, 256};
            if (lut.size() != 1 || std::ranges::count(kSizes, lut[0]) == 0) {
              return fail("{}: lut has the shape {}, expected 2, 4, 16, 64 or 256 values", kName, to_string(lut));
            }
            const int64_t elements = TRY(described_elements(kName, call, "indices"));
            TRY(check_packed(kName, call, "indices", elements, width(call)));
            return {{{call.type("lut").dtype, call.integers("shape")}}};
          },
          .evaluate =
              [width](const OpCall& call, std::span<Array> results) {
                std::vector<double>& out = results[0].data;
                const std::vector<double> indices = unpack(call.array("indices").data, out.size(), size_t(width(call)));
                std::ranges::transform(indices, out.begin(),
                                       [&](double i) { return call.array("lut").data[size_t(i)]; });
              },
          .since = 16,
          .formula = "lut[index]"};
}

OpDef sparse_to_dense_16() {
  static constexpr std::string_view kName = "constexpr_sparse_to_dense";
  return {.name = kName,
          .params = {Param::weight("nonzero_data", kTableValues), Param::weight("mask", {DType::uint8}),
                     Param::setting("shape", {DType::uint32})},
          .infer = [](const OpCall& call) -> Result<std::vector<TensorType>> {
            const int64_t elements = TRY(described_elements(kName, call, "mask"));
            TRY(check_packed(kName, call, "mask", elements, 1));
            TRY(check_stored(kName, call, "mask", "nonzero_data", elements));
            return {{{call.type("nonzero_data").dtype, call.integers("shape")}}};
          },
          .evaluate =
              [](const OpCall& call, std::span<Array> results) {
                std::vector<double>& out = results[0].data;
                out = spread(unpack(call.array("mask").data, out.size(), 1), call.array("nonzero_data").data);
              },
          .since = 16,
          .formula = "the next of nonzero_data where the mask's bit is set, else 0"};
}

OpDef cast_op() {
  return {
      .name = "constexpr_cast",
      .params = {Param::weight("source_val", {DType::fp16}), Param::setting("output_dtype", kString)},
      .infer = [](const OpCall& call) -> Result<std::vector<TensorType>> {
        if (call.text("output_dtype") != "fp32") {
          return fail("constexpr_cast: output_dtype is \"{}\", expected fp32", call.text("output_dtype"));
        }
        return {{{DType::fp32, call.shape("source_val")}}};
      },
      .evaluate = [](const OpCall& call, std::span<Array> results) { results[0].data = call.array("source_val").data; },
      .since = 16,
      .formula = "source_val"};
}

// ---- Forms of ios18: the shape is that of the indices, the mask or the data.

OpDef blockwise_shift_scale() {
  static constexpr std::string_view kName = "constexpr_blockwise_shift_scale";
  return {.name = kName,
          .params = {Param::weight("data", kStored), Param::weight("scale", kFloats),
                     Param::weight("offset", kStored).maybe()},
          .infer = [](const OpCall& call) -> Result<std::vector<TensorType>> {
            TRY(check_shift_scale(kName, call, "data", call.shape("data")));
            return {{{call.type("scale").dtype, call.shape("data")}}};
          },
          .evaluate =
              [](const OpCall& call, std::span<Array> results) {
                results[0].data = call.array("data").data;
                shift_and_scale(call, call.shape("data"), results[0].data);
              },
          .since = 18,
          .formula = "scale·(data − offset), a scale and an offset for each block"};
}

OpDef lut_to_dense_18() {
  static constexpr std::string_view kName = "constexpr_lut_to_dense";
  return {.name = kName,
          .params = {Param::weight("indices", kTableIndices), Param::weight("lut", kTableValues),
                     Param::one_number("vector_axis", kInt32).maybe()},
          .infer = [](const OpCall& call) -> Result<std::vector<TensorType>> {
            TRY(check_table(kName, call, "indices", call.shape("indices")));
            return {{{call.type("lut").dtype, Table(call).expand(call.shape("indices"))}}};
          },
          .evaluate =
              [](const OpCall& call, std::span<Array> results) {
                results[0].data = look_up(call, call.shape("indices"), call.array("indices").data);
              },
          .since = 18,
          .formula = "lut[group][index]; a vector of the table stands along vector_axis"};
}

OpDef sparse_to_dense_18() {
  static constexpr std::string_view kName = "constexpr_sparse_to_dense";
  return {.name = kName,
          .params = {Param::weight("nonzero_data", kStored), Param::weight("mask", kMask)},
          .infer = [](const OpCall& call) -> Result<std::vector<TensorType>> {
            TRY(check_stored(kName, call, "mask", "nonzero_data", call.type("mask").count()));
            return {{{call.type("nonzero_data").dtype, call.shape("mask")}}};
          },
          .evaluate =
              [](const OpCall& call, std::span<Array> results) {
                results[0].data = spread(call.array("mask").data, call.array("nonzero_data").data);
              },
          .since = 18,
          .formula = "the next of nonzero_data where the mask is set, else 0"};
}

OpDef lut_to_sparse() {
  static constexpr std::string_view kName = "constexpr_lut_to_sparse";
  return {.name = kName,
          .params = {Param::weight("indices_mask", kMask), Param::weight("indices_nonzero_data", kTableIndices),
                     Param::weight("lut", kTableValues), Param::one_number("vector_axis", kInt32).maybe()},
          .infer = [](const OpCall& call) -> Result<std::vector<TensorType>> {
            const Shape& shape = call.shape("indices_mask");
            TRY(check_stored(kName, call, "indices_mask", "indices_nonzero_data", count(shape)));
            TRY(check_table(kName, call, "indices_nonzero_data", shape));
            const Table table(call);
            return {{{DType::uint1, table.expand(shape)},
                     {call.type("lut").dtype, {call.shape("indices_nonzero_data")[0] * table.vector}}}};
          },
          .evaluate =
              [](const OpCall& call, std::span<Array> results) {
                const Shape& shape = call.shape("indices_mask");
                const std::vector<double>& mask = call.array("indices_mask").data;
                Table(call).for_each(shape, [&](size_t i, size_t, size_t to) { results[0].data[to] = mask[i]; });
                const std::vector<double> indices = spread(mask, call.array("indices_nonzero_data").data);
                gather(results[0].data, look_up(call, shape, indices), results[1].data);
              },
          .since = 18,
          .formula = "mask and values of the table, as constexpr_lut_to_dense of the elements whose bit is set"};
}

OpDef sparse_blockwise_shift_scale() {
  static constexpr std::string_view kName = "constexpr_sparse_blockwise_shift_scale";
  return {.name = kName,
          .params = {Param::weight("data_mask", kMask), Param::weight("nonzero_data", kStored),
                     Param::weight("scale", kFloats), Param::weight("offset", kStored).maybe()},
          .infer = [](const OpCall& call) -> Result<std::vector<TensorType>> {
            const TensorType& mask = call.type("data_mask");
            TRY(check_stored(kName, call, "data_mask", "nonzero_data", mask.count()));
            TRY(check_shift_scale(kName, call, "nonzero_data", mask.shape));
            return {{mask, {call.type("scale").dtype, call.shape("nonzero_data")}}};
          },
          .evaluate =
              [](const OpCall& call, std::span<Array> results) {
                const std::vector<double>& mask = call.array("data_mask").data;
                results[0].data = mask;
                std::vector<double> dense = spread(mask, call.array("nonzero_data").data);
                shift_and_scale(call, call.shape("data_mask"), dense);
                gather(mask, dense, results[1].data);
              },
          .since = 18,
          .formula = "mask and values of scale·(data − offset), for the elements whose bit is set"};
}

}  // namespace

std::vector<OpDef> constexpr_ops() {
  return {
      cast_op(),         lut_to_dense_16(),    sparse_to_dense_16(), blockwise_shift_scale(),
      lut_to_dense_18(), sparse_to_dense_18(), lut_to_sparse(),      sparse_blockwise_shift_scale(),
  };
}

}  // namespace anemone::mil
