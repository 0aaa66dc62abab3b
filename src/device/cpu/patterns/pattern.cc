#include "device/cpu/patterns/pattern.h"

#include <algorithm>
#include <set>

namespace anemone::cpu {

Graph::Graph(const mil::Function& function, Constants constants)
    : function_(function),
      constants_(std::move(constants)),
      producers_(function.values.size()),
      users_(function.values.size()) {
  for (const mil::Operation& operation : function.operations) {
    for (mil::ValueId id : operation.results) producers_[size_t(id)] = &operation;
    for (const mil::Argument& argument : operation.arguments) {
      for (mil::ValueId id : argument.values) users_[size_t(id)].push_back(&operation);
    }
  }
}

const mil::Operation* Graph::producer(mil::ValueId id, std::string_view op) const {
  const mil::Operation* producer = producers_[size_t(id)];
  return producer != nullptr && producer->op->name == op ? producer : nullptr;
}

std::optional<double> Graph::number(mil::ValueId id) const {
  const mil::Tensor* tensor = constant(id);
  if (tensor == nullptr || tensor->type().count() != 1 || tensor->type().dtype == mil::DType::string) return {};
  return tensor->number(0);
}

bool Graph::flag(const mil::Operation& operation, std::string_view argument) const {
  const mil::Argument* given = operation.argument(argument);
  return given != nullptr && number(given->values[0]).value_or(0) != 0;
}

std::vector<int64_t> Graph::integers(const mil::Operation& operation, std::string_view argument) const {
  const mil::Argument* given = operation.argument(argument);
  const mil::Tensor* tensor = given == nullptr ? nullptr : constant(given->values[0]);
  return tensor == nullptr ? std::vector<int64_t>() : tensor->integers();
}

bool Graph::is_closed(const Pattern& pattern) const {
  const auto covers = [&](const mil::Operation* o) {
    return std::ranges::find(pattern.covers, o) != pattern.covers.end();
  };
  const mil::Operation* last = *std::ranges::max_element(pattern.covers);  // they stand in one vector, in order
  for (const mil::Operation* operation : pattern.covers) {
    for (mil::ValueId id : operation->results) {
      const bool is_result = std::ranges::find(pattern.results, id) != pattern.results.end();
      const bool is_output = std::ranges::find(function_.outputs, id) != function_.outputs.end();
      if (!is_result && (is_output || !std::ranges::all_of(users(id), covers))) return false;
      if (is_result && std::ranges::any_of(users(id), [&](const auto* user) { return user < last; })) return false;
    }
  }
  return true;
}

std::vector<Pattern> find_patterns(const Graph& graph) {
  std::vector<Pattern> found;
  std::set<const mil::Operation*> taken;
  const auto is_taken = [&](const mil::Operation* operation) { return taken.contains(operation); };
  for (const mil::Operation& operation : graph.function().operations) {
    for (const auto match : {match_attention, match_attention_backward, match_rotation, match_byte_convolution}) {
      std::optional<Pattern> pattern = match(graph, operation);
      if (!pattern || !graph.is_closed(*pattern) || std::ranges::any_of(pattern->covers, is_taken)) continue;
      taken.insert(pattern->covers.begin(), pattern->covers.end());
      found.push_back(*std::move(pattern));
      break;
    }
  }
  return found;
}

}  // namespace anemone::cpu
