#include "mil/engine_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "mil/inference.h"

namespace anemone::mil {
namespace {

// ---- Chips

constexpr std::array<std::string_view, 7> kChips{"m1", "m3-ultra", "m4", "m4-pro", "m4-max", "m5", "m6"};

constexpr unsigned on(Chip chip) { return 1U << static_cast<unsigned>(chip); }
constexpr unsigned kEverywhere = 0x7F;
constexpr unsigned kM1 = on(Chip::m1);
constexpr unsigned kM3Ultra = on(Chip::m3_ultra);
constexpr unsigned kM4Max = on(Chip::m4_max);
constexpr unsigned kM4Family = on(Chip::m4) | on(Chip::m4_pro) | on(Chip::m4_max);

// ---- What a rule sees

using Violation = std::optional<std::string>;  // how the rule is broken

// One use of an op in a function, with the constants that are known.
struct Use {
  const Function& function;
  const Operation& operation;
  OpCall call;
  std::span<const Operation* const> producers;  // by value id; null for inputs

  std::string_view op() const { return operation.op->name; }
  bool is(std::initializer_list<std::string_view> ops) const { return std::ranges::count(ops, op()) > 0; }
  ValueId id(std::string_view name) const { return operation.argument(name)->values[0]; }
  bool given(std::string_view name) const { return operation.argument(name) != nullptr; }
  const Operation* producer(std::string_view name) const { return producers[size_t(id(name))]; }
  bool at_run_time(std::string_view name) const { return given(name) && !call.operands(name)[0].fixed; }
  const TensorType& result() const { return function.value(operation.results[0]).type; }
};

// The spatial sizes of a convolution's weight: height and width, a missing height being 1.
struct Kernel {
  int64_t height = 1, width = 1;
};
Kernel kernel_of(const Shape& spatial) {
  Kernel kernel;
  if (!spatial.empty()) kernel.width = spatial.back();
  if (spatial.size() > 1) kernel.height = spatial[spatial.size() - 2];
  return kernel;
}

Violation conv_kernel_over(const Use& use, int64_t width, int64_t height, int64_t square) {
  if (!use.is({"conv", "conv_transpose"})) return {};
  const Shape& weight = use.call.shape("weight");
  const Kernel k = kernel_of({weight.begin() + 2, weight.end()});
  const bool too_large = k.width > width || k.height > height || (k.width == k.height && k.width > square);
  return too_large ? Violation(fmt::format("the kernel is {} high and {} wide", k.height, k.width)) : Violation();
}

std::string as_text(const TensorType& type) { return to_string(type); }

// A dimension of any operand or result beyond `most`, among the last `count` ones.
Violation dimension_over(const Use& use, int64_t most, size_t count) {
  for (ValueId id : use.operation.results) {
    const TensorType& type = use.function.value(id).type;
    const size_t skipped = type.shape.size() - std::min(count, type.shape.size());
    if (std::any_of(type.shape.begin() + int64_t(skipped), type.shape.end(), [&](int64_t d) { return d > most; })) {
      return fmt::format("it gives {}", as_text(type));
    }
  }
  return {};
}

int64_t contraction(const Use& use) {
  const Shape& x = use.call.shape("x");
  if (x.size() < 2) return x.empty() ? 1 : x[0];
  return use.call.has("transpose_x") && use.call.flag("transpose_x") ? x[x.size() - 2] : x.back();
}

bool is_power_of_two(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

int64_t reduced_length(const Use& softmax) {
  const Shape& shape = softmax.call.shape("x");
  const int64_t axis = softmax.call.integer("axis");
  return shape[size_t(axis < 0 ? axis + int64_t(shape.size()) : axis)];
}

bool uses_int32_at_run_time(const Use& use) {
  const auto is_int32 = [&](ValueId id) { return use.function.value(id).type.dtype == DType::int32; };
  for (const Argument& argument : use.operation.arguments) {
    const bool fixed = use.call.operands(argument.name)[0].fixed;
    if (!fixed && std::ranges::any_of(argument.values, is_int32)) return true;
  }
  return std::ranges::any_of(use.operation.results, is_int32);
}

// Whether an argument was written in place, without a name of its own.
bool has_inline_constant(const Use& use) {
  for (const Argument& argument : use.operation.arguments) {
    for (ValueId id : argument.values) {
      if (use.function.value(id).name.empty()) return true;
    }
  }
  return false;
}

bool is_zero_constant(const Use& use, std::string_view name) {
  const Tensor* constant = use.call.operands(name)[0].constant;
  return constant != nullptr && constant->type().count() == 1 && constant->number(0) == 0;
}

bool comes_from(const Use& use, std::string_view name, std::string_view op_prefix) {
  const Operation* producer = use.producer(name);
  return producer != nullptr && producer->op->name.starts_with(op_prefix);
}

constexpr std::array kNoImplementation = std::to_array<std::string_view>({"asin",
                                                                          "acos",
                                                                          "tan",
                                                                          "sinh",
                                                                          "cosh",
                                                                          "atanh",
                                                                          "mod",
                                                                          "cumsum",
                                                                          "reduce_prod",
                                                                          "lstm",
                                                                          "gru",
                                                                          "rnn",
                                                                          "band_part",
                                                                          "one_hot",
                                                                          "non_zero",
                                                                          "range_1d",
                                                                          "sliding_windows",
                                                                          "crop_resize",
                                                                          "scatter",
                                                                          "scatter_along_axis",
                                                                          "scatter_nd"});

// ---- Rules of single operations

struct OpRule {
  EngineRule rule;
  unsigned chips;
  Violation (*broken)(const Use& use);
};

Violation when(bool broken, std::string how) { return broken ? Violation(std::move(how)) : Violation(); }

// What is too large, or of a size that is refused.
std::vector<OpRule> size_rules() {
  return {
      {{"S10", "each dimension is at most 65536 and the rank at most 5", "ANEForge, 751K (M1 to M6)"},
       kEverywhere,
       [](const Use& use) {
         const TensorType& type = use.result();
         if (type.shape.size() > 5)
           return Violation(fmt::format("it gives {} of rank {}", as_text(type), type.shape.size()));
         return dimension_over(use, 65536, 5);
       }},
      {{"S10", "width and height are at most 16384 on the A13 to A15 class", "ANEForge, 751K"},
       kM1,
       [](const Use& use) { return dimension_over(use, 16384, 2); }},
      {{"S10", "width and height are at most 16384", "ANEForge counts M3 to the A15 class, 751K does not", true},
       kM3Ultra,
       [](const Use& use) { return dimension_over(use, 16384, 2); }},
      {{"C10", "a convolution's kernel is at most 15 wide, 31 high and 16 by 16", "751K (M4, M6)"},
       kEverywhere & ~kM1,
       [](const Use& use) { return conv_kernel_over(use, 15, 31, 16); }},
      {{"C10", "a convolution's kernel is at most 13 wide on the M1 class", "751K"},
       kM1,
       [](const Use& use) { return conv_kernel_over(use, 13, 31, 13); }},
      {{"C11", "a max_pool's kernel is at most 8 wide", "751K (M4, M6)"},
       kEverywhere,
       [](const Use& use) {
         if (!use.is({"max_pool"})) return Violation();
         const Kernel k = kernel_of(use.call.integers("kernel_sizes"));
         return when(k.width > 8, fmt::format("the kernel is {} wide", k.width));
       }},
      {{"C12", "a matmul contracts at most 32768 elements", "751K (M4, M6)"},
       kEverywhere,
       [](const Use& use) {
         if (!use.is({"matmul"})) return Violation();
         const int64_t k = contraction(use);
         return when(k > 32768, fmt::format("it contracts {}", k));
       }},
      {{"C16", "topk with k of 3 or 4 is rejected", "ANEForge; 751K: compiles on M6, and in Core ML on M4", true},
       kEverywhere,
       [](const Use& use) {
         if (!use.is({"topk"})) return Violation();
         const int64_t k = use.call.integer("k");
         return when(k == 3 || k == 4, fmt::format("k is {}", k));
       }},
  };
}

// What the engine does not have, or takes in one form only.
std::vector<OpRule> support_rules() {
  return {
      {{"C14", "int32 never runs on the engine", "751K (M4)"},
       kEverywhere,
       [](const Use& use) { return when(uses_int32_at_run_time(use), "it computes with int32 at run time"); }},
      {{"C15", "the engine has no implementation of the op", "751K (M4): all others of 166 one-op models are taken"},
       kEverywhere,
       [](const Use& use) {
         return when(std::ranges::count(kNoImplementation, use.op()) > 0, "the engine does not implement it");
       }},
      {{"C15", "a slice begins at constant places", "751K (M4)"},
       kEverywhere,
       [](const Use& use) {
         if (!use.is({"slice_by_index", "slice_by_size"})) return Violation();
         return when(use.at_run_time("begin"), "begin is computed at run time");
       }},
      {{"C19", "concat is rejected", "Orion (M4 Max); maderix, Espresso, ANEForge and dev-erik use it", true},
       kM4Max,
       [](const Use& use) { return when(use.is({"concat"}), "it is used"); }},
      {{"C20", "scaled_dot_product_attention ignores its mask", "maderix, Orion; ANEForge: one shared mask works",
        true},
       kEverywhere,
       [](const Use& use) {
         return when(use.is({"scaled_dot_product_attention"}) && use.given("attn_mask"), "it has a mask: decompose it");
       }},
      {{"C21", "gelu is invalid", "Orion; dev-erik, ANEForge and 751K run it", true},
       kEverywhere,
       [](const Use& use) { return when(use.is({"gelu"}), "it is used"); }},
      {{"C22", "rsqrt, pow and reductions are missing", "ane-train, Espresso (M1); ANEForge, 751K: native from M1",
        true},
       kM1,
       [](const Use& use) {
         return when(use.is({"rsqrt", "pow"}) || use.op().starts_with("reduce_"), "it is used");
       }},
      {{"C24", "a convolution's weights are constant: others are stale or refused",
        "field guide (M3 Max), ane-train (M1); 751K: taken on M4", true},
       kEverywhere,
       [](const Use& use) {
         return when(use.is({"conv"}) && use.at_run_time("weight"), "its weight is computed at run time: use matmul");
       }},
      {{"C25", "a convolution's bias is not supported", "Orion; Core ML emits it, and it runs on M4 and M6", true},
       kEverywhere,
       [](const Use& use) { return when(use.is({"conv"}) && use.given("bias"), "it has a bias"); }},
      {{"C26", "constants in place are rejected: each needs a name", "Orion; optimised programs have them", true},
       kEverywhere,
       [](const Use& use) { return when(has_inline_constant(use), "an argument is a constant in place"); }},
      {{"C27", "tile poisons the engine until the process ends", "field guide (M3 Max); ANEForge, 751K: native", true},
       kEverywhere,
       [](const Use& use) { return when(use.is({"tile"}), "it is used"); }},
      {{"C35", "sin and cos come with the A15", "ANEForge"},
       kM1,
       [](const Use& use) {
         return when(use.is({"sin", "cos"}), "it is used");
       }},
  };
}

// What compiles and may answer wrongly or slowly.
std::vector<OpRule> value_rules() {
  return {
      {{"C23", "softmax runs over a power of 2", "Espresso; maderix: 32000 works", true},
       kEverywhere,
       [](const Use& use) {
         if (!use.is({"softmax"})) return Violation();
         const int64_t length = reduced_length(use);
         return when(!is_power_of_two(length), fmt::format("it runs over {} elements", length));
       }},
      {{"C28", "the product of a reduction and zero does not compile", "ANEForge"},
       kEverywhere,
       [](const Use& use) {
         if (!use.is({"mul"})) return Violation();
         const bool broken = (comes_from(use, "x", "reduce_") && is_zero_constant(use, "y")) ||
                             (comes_from(use, "y", "reduce_") && is_zero_constant(use, "x"));
         return when(broken, "it multiplies a reduction by zero");
       }},
      {{"C29", "sqrt feeding a division gives wrong values", "ane-train"},
       kM1,
       [](const Use& use) {
         return when(use.is({"real_div"}) && (comes_from(use, "x", "sqrt") || comes_from(use, "y", "sqrt")),
                     "an operand is a square root");
       }},
      {{"C30", "a matmul contracts a multiple of 32", "ane-train (M1), else zeros; not seen on M4", true},
       kM1,
       [](const Use& use) {
         if (!use.is({"matmul"})) return Violation();
         const int64_t k = contraction(use);
         return when(k % 32 != 0, fmt::format("it contracts {}", k));
       }},
      {{"C32", "a slice along the width turns magnitudes above 4094 into infinity", "ANEForge (M1, M1 Max, M2 Pro)"},
       kM1,
       [](const Use& use) {
         if (!use.is({"slice_by_size", "slice_by_index"}) || use.at_run_time("begin")) return Violation();
         const std::vector<int64_t> begin = use.call.integers("begin");
         return when(!begin.empty() && begin.back() != 0, "it is cut at a column other than 0");
       }},
      {{"C33", "channels are a multiple of 128", "rustane (M4 Max): 5120 is 4.7 times slower; not seen elsewhere",
        true},
       kM4Max,
       [](const Use& use) {
         if (!use.is({"conv", "linear"})) return Violation();
         const int64_t channels = use.call.shape("weight")[0];
         return when(channels % 128 != 0, fmt::format("it gives {} channels", channels));
       }},
      {{"C34", "local_response_norm takes at most 15 channels", "ANEForge"},
       kEverywhere,
       [](const Use& use) {
         if (!use.is({"local_response_norm"})) return Violation();
         const int64_t channels = use.call.shape("x")[1];
         return when(channels > 15, fmt::format("x has {} channels", channels));
       }},
  };
}

const std::vector<OpRule>& op_rules() {
  static const std::vector<OpRule> rules = [] {
    std::vector<OpRule> all;
    for (const auto& part : {size_rules(), support_rules(), value_rules()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return rules;
}

// ---- Rules of whole functions

using Report = std::function<void(ValueId subject, std::string message)>;

struct FunctionRule {
  EngineRule rule;
  unsigned chips;
  void (*check)(const Function& function, const Report& report);
};

void for_each_port(const Function& function, const std::function<void(ValueId, const TensorType&)>& visit) {
  for (ValueId id : function.inputs) visit(id, function.value(id).type);
  for (ValueId id : function.outputs) visit(id, function.value(id).type);
}

void check_layout(const Function& function, const Report& report) {
  for_each_port(function, [&](ValueId id, const TensorType& type) {
    const Shape& s = type.shape;
    const bool planes = (s.size() == 4 && s[0] == 1 && s[2] == 1) || (s.size() == 3 && s[0] == 1);
    if (!planes) report(id, fmt::format("it is {}", to_string(type)));
  });
}

void check_boundary_type(const Function& function, const Report& report) {
  for_each_port(function, [&](ValueId id, const TensorType& type) {
    if (type.dtype != DType::fp16) report(id, fmt::format("it is {}", to_string(type)));
  });
}

void check_smallest_size(const Function& function, const Report& report) {
  constexpr int64_t kColumns = 32, kBytes = 49152;
  for_each_port(function, [&](ValueId id, const TensorType& type) {
    if (is_flexible(type.shape) || type.shape.empty()) return;
    const int64_t columns = type.shape.back();
    if (columns % kColumns == 0 && int64_t(type.bytes()) >= kBytes) return;
    report(id, fmt::format("it has rows of {} elements and {} bytes", columns, type.bytes()));
  });
}

void check_row_alignment(const Function& function, const Report& report) {
  for_each_port(function, [&](ValueId id, const TensorType& type) {
    if (is_flexible(type.shape) || type.shape.empty()) return;
    const int64_t bytes = type.shape.back() * int64_t(bits(type.dtype)) / 8;
    if (bytes % 128 != 0) report(id, fmt::format("its rows are of {} bytes", bytes));
  });
}

// All of one size, and declared in the order of their names.
void check_order(const Function& function, const std::vector<ValueId>& ports, const Report& report) {
  for (size_t i = 1; i < ports.size(); ++i) {
    const ValueInfo &before = function.value(ports[i - 1]), &port = function.value(ports[i]);
    if (is_flexible(port.type.shape) || is_flexible(before.type.shape)) continue;
    if (port.type.bytes() != before.type.bytes()) {
      report(ports[i], fmt::format("it has {} bytes, {} has {}", port.type.bytes(), before.name, before.type.bytes()));
    } else if (port.name < before.name) {
      report(ports[i], fmt::format("it stands behind {}", before.name));
    }
  }
}

// The longest chain of operations that compute at run time.
void check_depth(const Function& function, const Report& report) {
  constexpr int kMost = 383;
  std::vector<int> depth(function.values.size(), 0);
  for (const Operation& operation : function.operations) {
    if (operation.op->name == "const") continue;
    int longest = 0;
    for (const Argument& argument : operation.arguments) {
      for (ValueId id : argument.values) longest = std::max(longest, depth[size_t(id)]);
    }
    for (ValueId id : operation.results) {
      depth[size_t(id)] = longest + 1;
      if (longest == kMost) return report(id, fmt::format("{} operations stand one behind another", longest + 1));
    }
  }
}

void check_weight_files(const Function& function, const Report& report) {
  std::set<std::string_view> files;
  for (size_t i = 0; i < function.values.size(); ++i) {
    const auto& blob = function.values[i].blob;
    if (!blob || files.insert(blob->path).second || blob->offset == 64) continue;
    report(static_cast<ValueId>(i), fmt::format("it is a further entry of {}", blob->path));
    return;
  }
}

void check_names(const Function& function, const Report& report) {
  constexpr std::array<std::string_view, 9> kNames{"var", "diff", "mean", "std", "eps", "x", "y", "mul", "add"};
  for (size_t i = 0; i < function.values.size(); ++i) {
    if (std::ranges::count(kNames, function.values[i].name) > 0) report(static_cast<ValueId>(i), "it has such a name");
  }
}

const std::vector<FunctionRule>& function_rules() {
  static const std::vector<FunctionRule> rules{
      {{"S01", "inputs and outputs are [1, C, 1, S] or [1, C, S], channels first", "all"}, kEverywhere, check_layout},
      {{"S02", "inputs and outputs are fp16; fp32 with a cast inside is slower, and gives zeros on one path",
        "maderix (M4), dev-erik (M4 Max)", true},
       kEverywhere & ~kM1,
       check_boundary_type},
      {{"S02", "inputs and outputs are fp16: casts at the boundary are refused", "maderix, pull request 6 (M1, M2)"},
       kM1,
       check_boundary_type},
      {{"S04", "rows are multiples of 32 elements and surfaces of 49152 bytes or more, which satisfies every report",
        "Orion, field guide, ane-train and rustane each report another minimum", true},
       kEverywhere,
       check_smallest_size},
      {{"S05", "rows are aligned to 128 bytes", "maderix, issue 35 (M5); not seen elsewhere", true},
       on(Chip::m5),
       check_row_alignment},
      {{"S06", "inputs have equal sizes and stand in the order of their names, or they are packed into one",
        "Orion (M4 Max), maderix (M4); ane-train (M1): by size", true},
       kEverywhere,
       [](const Function& function, const Report& report) { check_order(function, function.inputs, report); }},
      {{"S07", "outputs have equal sizes and stand in the order of their names",
        "Orion (M4 Max); ane-train (M1): by falling size", true},
       kEverywhere,
       [](const Function& function, const Report& report) { check_order(function, function.outputs, report); }},
      {{"C07", "a weight file holds one entry", "maderix (M1)"}, kM1, check_weight_files},
      {{"C17", "at most 383 operations stand one behind another", "maderix (M4); 751K: 448 pass on macOS 27", true},
       kM4Family | on(Chip::m6),
       check_depth},
      {{"C31", "the names var, diff, mean, std, eps, x, y, mul and add give zeros",
        "ane-train; everyone else uses x and y", true},
       kM1,
       check_names},
  };
  return rules;
}

class Checker {
 public:
  Checker(const Function& function, unsigned chip, const Weights* weights)
      : function_(function), chip_(chip), inference_(weights), producers_(function.values.size(), nullptr) {}

  std::vector<Finding> run() {
    for (const Operation& operation : function_.operations) {
      for (ValueId id : operation.results) producers_[size_t(id)] = &operation;
    }
    for (const FunctionRule& rule : function_rules()) {
      if ((rule.chips & chip_) == 0) continue;
      rule.check(function_, [&](ValueId id, std::string message) { report(rule.rule, id, std::move(message)); });
    }
    for (const Operation& operation : function_.operations) check(operation);
    return std::move(findings_);
  }

 private:
  // Only what is computed at run time is the engine's.
  void check(const Operation& operation) {
    inference_.learn(function_, operation);
    if (operation.results.empty() || inference_.is_constant(function_, operation.results[0])) return;
    if (inference_.is_open(function_, operation)) return;
    OpCall call(inference_.arguments(function_, operation));
    const Use use{function_, operation, std::move(call), producers_};
    for (const OpRule& rule : op_rules()) {
      if ((rule.chips & chip_) == 0) continue;
      if (Violation how = rule.broken(use)) {
        report(rule.rule, operation.name, operation.location, fmt::format("{}: {}", operation.op->name, *how));
      }
    }
  }

  void report(const EngineRule& rule, ValueId id, std::string message) {
    const Operation* producer = producers_[size_t(id)];
    report(rule, function_.value(id).name, producer == nullptr ? Location{} : producer->location, std::move(message));
  }

  void report(const EngineRule& rule, std::string subject, Location location, std::string message) {
    findings_.push_back({&rule, rule.disputed ? Severity::warning : Severity::error, function_.name, std::move(subject),
                         location, std::move(message)});
  }

  const Function& function_;
  unsigned chip_;
  Inference inference_;
  std::vector<const Operation*> producers_;
  std::vector<Finding> findings_;
};

}  // namespace

std::optional<Chip> parse_chip(std::string_view name) {
  const auto* found = std::ranges::find(kChips, name);
  if (found == kChips.end()) return std::nullopt;
  return static_cast<Chip>(found - kChips.begin());
}

std::vector<std::string> chip_names() { return {kChips.begin(), kChips.end()}; }

std::vector<EngineRule> engine_rules() {
  std::vector<EngineRule> rules;
  for (const FunctionRule& rule : function_rules()) rules.push_back(rule.rule);
  for (const OpRule& rule : op_rules()) rules.push_back(rule.rule);
  return rules;
}

std::vector<Finding> engine_findings(const Function& function, Chip chip, const Weights* weights) {
  return Checker(function, on(chip), weights).run();
}

}  // namespace anemone::mil
