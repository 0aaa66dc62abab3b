// Ops that no kernel serves: a step evaluates them as the op table does, in double precision and one thread. Arrays are
// allocated when the program is compiled, but an evaluation may allocate what it needs for itself.
#include <deque>

#include "device/cpu/kernels/words.h"
#include "device/cpu/lowering.h"
#include "mil/inference.h"
#include "mil/interpreter.h"

namespace anemone::cpu {
namespace {

// An array of the evaluation and the words that it is read from or written to.
struct Transfer {
  View view;
  Loops loops;  // operands: the array, the words
  mil::Array array;

  Transfer(View words, const mil::TensorType& type)
      : view(std::move(words)), array{type, std::vector<double>(size_t(type.count()))} {
    const View whole = packed(-1, type.shape);
    if (type.count() > 0) loops = loops_over({&whole, &view});
  }
  void read(const Pointers& p) {
    if (!array.data.empty()) to_doubles(loops, array.type.dtype, array.data.data(), p.at(view));
  }
};

// What an operation is evaluated with. The call refers to the rest, which stays where it is.
struct Evaluation {
  const mil::OpDef* op;
  mil::Rounding rounding;
  std::deque<mil::Tensor> constants{};
  std::deque<mil::Array> known{};  // the numbers of the constants
  std::deque<Transfer> operands{};
  std::optional<mil::OpCall> call{};
  std::vector<mil::Array> results{};
  std::vector<View> places{};   // of the results
  std::vector<Loops> stores{};  // operands: the words, the array

  explicit Evaluation(const mil::OpDef* def, mil::Rounding declared_or_none) : op(def), rounding(declared_or_none) {}
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  // Copies the constant, so that it outlives the compilation.
  void hold(mil::OpCall::Operand& operand) {
    operand.constant = &constants.emplace_back(*operand.constant);
    if (operand.type.dtype != mil::DType::string) operand.array = &known.emplace_back(mil::to_array(*operand.constant));
  }

  void run(const Pointers& p) {
    for (Transfer& operand : operands) operand.read(p);
    for (mil::Array& result : results) std::ranges::fill(result.data, 0.0);
    op->evaluate(*call, results);
    for (size_t i = 0; i < results.size(); ++i) {
      settle(results[i], rounding);
      if (results[i].data.empty()) continue;
      from_doubles(stores[i], results[i].type.dtype, p.at(places[i]), results[i].data.data());
    }
  }
};

}  // namespace

void Lowering::lower_by_reference(const mil::Operation& operation) {
  const auto rounding = precision_ == Precision::fp16 ? mil::Rounding::declared : mil::Rounding::none;
  const auto evaluation = std::make_shared<Evaluation>(operation.op, rounding);
  std::vector<View> touched;
  std::vector<mil::OpCall::Argument> call = arguments(operation);
  for (size_t a = 0; a < call.size(); ++a) {
    const bool read = operation.op->param(call[a].name)->need != mil::Need::type;
    for (size_t i = 0; i < call[a].operands.size(); ++i) {
      mil::OpCall::Operand& operand = call[a].operands[i];
      if (operand.constant != nullptr) {
        evaluation->hold(operand);
      } else if (read) {
        touched.push_back(this->read(operation.arguments[a].values[i]));
        operand.array = &evaluation->operands.emplace_back(touched.back(), operand.type).array;
      }
    }
  }
  evaluation->call.emplace(std::move(call));
  for (mil::ValueId id : operation.results) {
    const mil::TensorType& type = function_.value(id).type;
    const View place = target(id), whole = packed(-1, type.shape);
    evaluation->results.push_back({type, std::vector<double>(size_t(type.count()))});
    evaluation->places.push_back(place);
    evaluation->stores.push_back(type.count() > 0 ? loops_over({&place, &whole}) : Loops{});
    touched.push_back(place);
  }
  emit(touched, [evaluation](const Pointers& p) { evaluation->run(p); });
  for (size_t i = 0; i < operation.results.size(); ++i) define(operation.results[i], evaluation->places[i]);
}

}  // namespace anemone::cpu
