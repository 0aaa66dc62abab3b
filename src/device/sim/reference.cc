// Ops that have no rule: a step evaluates them as the op table does, in double precision and one thread.
#include <deque>

#include "device/sim/arithmetic/number.h"
#include "device/sim/lowering.h"
#include "mil/interpreter.h"

namespace anemone::sim {
namespace {

// What is moved by pattern is floats; integers and booleans, indices among them, are read as numbers.
bool by_pattern(Lowering::Meaning meaning, const mil::TensorType& type) {
  return meaning == Lowering::Meaning::patterns && mil::is_float(type.dtype);
}

// An operand that is read at each run, in order.
struct Operand {
  View view;
  mil::Array array;
};

// What an operation is evaluated with. The call refers to the rest, which stays where it is.
struct Evaluation {
  const mil::OpDef* op = nullptr;
  Lowering::Meaning meaning{};
  std::deque<mil::Tensor> constants{};
  std::deque<mil::Array> known{};
  std::deque<Operand> operands{};
  std::optional<mil::OpCall> call{};
  std::vector<mil::Array> results{};
  std::vector<View> places{};

  void run(const Memory& m) {
    for (Operand& operand : operands) {
      const Half* from = m.at(operand.view);
      const bool moves = by_pattern(meaning, operand.array.type);
      for (double& value : operand.array.data) {
        value = moves ? double(from->bits) : decode(*from);
        ++from;
      }
    }
    for (mil::Array& result : results) std::ranges::fill(result.data, 0.0);
    op->evaluate(*call, results);
    for (size_t i = 0; i < results.size(); ++i) {
      if (meaning == Lowering::Meaning::numbers) mil::settle(results[i], mil::Rounding::none);
      Half* to = m.at(places[i]);
      const bool moves = by_pattern(meaning, results[i].type);
      for (double value : results[i].data) *to++ = moves ? Half{uint16_t(value)} : half_away(value);
    }
  }
};

}  // namespace

void Lowering::emit_reference(const mil::Operation& operation, Meaning meaning) {
  const auto evaluation = std::make_shared<Evaluation>();
  evaluation->op = operation.op;
  evaluation->meaning = meaning;
  std::vector<mil::OpCall::Argument> call = arguments(operation);
  for (size_t a = 0; a < call.size(); ++a) {
    const bool needs_value = operation.op->param(call[a].name)->need != mil::Need::type;
    for (size_t i = 0; i < call[a].operands.size(); ++i) {
      mil::OpCall::Operand& operand = call[a].operands[i];
      const bool moves = by_pattern(meaning, operand.type);
      if (operand.constant != nullptr) {
        operand.constant = &evaluation->constants.emplace_back(*operand.constant);
        if (operand.type.dtype == mil::DType::string) continue;
        mil::Array& array = evaluation->known.emplace_back(mil::to_array(*operand.constant));
        if (moves) std::ranges::transform(array.data, array.data.begin(), [](double x) { return Half::from(x).bits; });
        operand.array = &array;
      } else if (needs_value) {
        evaluation->operands.push_back({read_packed(operation.arguments[a].values[i]),
                                        {operand.type, std::vector<double>(size_t(operand.type.count()))}});
        operand.array = &evaluation->operands.back().array;
      }
    }
  }
  evaluation->call.emplace(std::move(call));
  for (mil::ValueId id : operation.results) {
    const mil::TensorType& type = plan_.function.value(id).type;
    evaluation->results.push_back({type, std::vector<double>(size_t(type.count()))});
    evaluation->places.push_back(result(id));
  }
  emit([evaluation](const Memory& m) { evaluation->run(m); });
}

}  // namespace anemone::sim
