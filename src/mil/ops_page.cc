#include "mil/ops_page.h"

#include <fmt/format.h>

#include "mil/printer.h"

namespace anemone::mil {
namespace {

constexpr std::string_view kHeading =
    R"(# Ops

The ops that programs may use, written by `anemone mil ops` from the table that defines them. A parameter is given with
the element types it takes: **F** is fp16 and fp32, **N** F and int32, **A** every type but strings. With `*` it must be
constant, with `?` it may be left out, with `=` it has a default; `(…)` takes several values, and parameters marked with
one letter have one element type. *Since* is the opset that brought the op or this form of it. *Gradient* says whether
`mil::gradient` differentiates it: by a formula of its own, through the simpler ops it is composed of (nothing flows back
through integers), or not at all. *cpu* says how the `cpu` device runs it: by a kernel, by that composition, as the table
evaluates it (`reference`), or not at all, its result being known when the program is compiled (`constant`).
)";

std::string types_of(DTypes types) {
  if (types == kAny) return "A";
  if (types == kNumbers) return "N";
  if (types == kFloats) return "F";
  return to_string(types);
}

std::string describe(const Param& param) {
  std::string text(param.name);
  if (param.tuple) text = fmt::format("({}…)", text);
  if (param.need >= Need::constant) text += '*';
  if (param.optional) text += '?';
  text += fmt::format(": {}", param.state ? "state" : param.buffer ? "tensor_buffer" : types_of(param.accepts));
  if (param.letter != 0) text += fmt::format(" {}", param.letter);
  if (param.fallback) text += fmt::format(" = {}", to_text(*param.fallback));
  return text;
}

// A cell of a table: a bar would end it.
std::string cell(std::string_view text) {
  std::string escaped;
  for (char letter : text) {
    if (letter == '|') escaped += '\\';
    escaped += letter;
  }
  return escaped;
}

std::string_view gradient_of(const OpDef& op) {
  if (op.gradient) return "formula";
  return op.compose ? "composed" : "–";
}

}  // namespace

std::string ops_page(const std::function<std::string_view(const OpDef&)>& on_cpu) {
  std::string page(kHeading);
  std::string_view family;
  for (const OpDef& op : all_ops()) {
    if (op.family != family) {
      family = op.family;
      page += fmt::format(
          "\n## {}\n\n| op | parameters | computes | since | gradient | cpu |\n|---|---|---|---|---|---|\n", family);
    }
    std::string params;
    for (const Param& param : op.params) params += fmt::format("{}`{}`", params.empty() ? "" : ", ", describe(param));
    page += fmt::format("| `{}` | {} | {} | ios{} | {} | {} |\n", op.name, cell(params), cell(op.formula), op.since,
                        gradient_of(op), on_cpu(op));
  }
  return page;
}

}  // namespace anemone::mil
