// States: inputs whose surfaces a program reads and writes, in the order of its text.
#include "device/cpu/lowering.h"

namespace anemone::cpu {
namespace {

// A copy, since the state may change before its value is used.
Result<> lower_read_state(Lowering& l, const Node& node) {
  const mil::ValueId state = node.operand("input");
  const View from = l.surface(state), to = l.target(node.result());
  l.emit_widen(from, l.dtype(state), to);
  l.define(node.result(), to);
  return {};
}

Result<> lower_write_state(Lowering& l, const Node& node) {
  l.emit_store(node.operand("data"), l.surface(node.operand("input")));
  return {};
}

}  // namespace

std::vector<Rule> state_rules() {
  return {
      {.op = "read_state", .lower = lower_read_state, .takes = kWords},
      {.op = "write_state", .lower = lower_write_state, .takes = kWords},
  };
}

}  // namespace anemone::cpu
