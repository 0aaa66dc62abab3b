// Groups of operations that one kernel computes: found in a function before it is lowered.
//
//   for (Pattern& pattern : find_patterns(graph)) …          // pattern.covers are skipped, pattern.lower runs instead
//
// A pattern is lowered in the place of the last operation that it covers. What the others compute is used nowhere else,
// except for its results, which nothing uses before that place.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "mil/function.h"

namespace anemone::cpu {

class Lowering;

struct Pattern {
  std::vector<const mil::Operation*> covers;
  std::vector<mil::ValueId> results;
  std::function<void(Lowering&)> lower;
  std::vector<const mil::Operation*> reads = {};  // whose constants it depends on, though others need what they compute
};

// Who computes and who uses each value of a function.
class Graph {
 public:
  using Constants = std::function<const mil::Tensor*(mil::ValueId)>;
  // Both outlive the graph.
  Graph(const mil::Function& function, Constants constants);

  const mil::Function& function() const { return function_; }
  const mil::Shape& shape(mil::ValueId id) const { return function_.value(id).type.shape; }
  // The operation that computes the value, where it is one of that op; else null.
  const mil::Operation* producer(mil::ValueId id, std::string_view op) const;
  const std::vector<const mil::Operation*>& users(mil::ValueId id) const { return users_[size_t(id)]; }
  const mil::Tensor* constant(mil::ValueId id) const { return constants_(id); }
  // The constant's only element.
  std::optional<double> number(mil::ValueId id) const;
  bool flag(const mil::Operation& operation, std::string_view argument) const;
  std::vector<int64_t> integers(const mil::Operation& operation, std::string_view argument) const;

  // Whether `pattern` can be lowered as a whole, as told above.
  bool is_closed(const Pattern& pattern) const;

 private:
  const mil::Function& function_;
  Constants constants_;
  std::vector<const mil::Operation*> producers_;
  std::vector<std::vector<const mil::Operation*>> users_;  // by value; an operation as often as it uses it
};

inline mil::ValueId operand(const mil::Operation& operation, std::string_view name) {
  return operation.argument(name)->values[0];
}

// The first that matches at the operation, which is its last.
std::optional<Pattern> match_attention(const Graph& graph, const mil::Operation& operation);
std::optional<Pattern> match_attention_backward(const Graph& graph, const mil::Operation& operation);
std::optional<Pattern> match_rotation(const Graph& graph, const mil::Operation& operation);
std::optional<Pattern> match_byte_convolution(const Graph& graph, const mil::Operation& operation);

// All of them, none of which shares an operation with another.
std::vector<Pattern> find_patterns(const Graph& graph);

}  // namespace anemone::cpu
