#include "mil/engine/function_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace anemone::mil {
namespace {

using Report = FunctionRule::Report;

// The longest chain of operations that compute at run time.
void check_depth(const Function& function, int most, const Report& report) {
  std::vector<int> depth(function.values.size(), 0);
  for (const Operation& operation : function.operations) {
    if (operation.op->name == "const") continue;
    int longest = 0;
    for (const Argument& argument : operation.arguments) {
      for (ValueId id : argument.values) longest = std::max(longest, depth[size_t(id)]);
    }
    for (ValueId id : operation.results) {
      depth[size_t(id)] = longest + 1;
      if (longest == most) return report(id, fmt::format("{} operations stand one behind another", longest + 1));
    }
  }
}

template <class Visit>
void for_each_blob(const Function& function, const Visit& visit) {
  for (size_t i = 0; i < function.values.size(); ++i) {
    if (const auto& blob = function.values[i].blob) visit(static_cast<ValueId>(i), *blob);
  }
}

// No blob's metadata stands before byte 64, or nearer to the first one's than its own metadata and a byte of data.
void check_blob_offsets(const Function& function, const Report& report) {
  for_each_blob(function, [&](ValueId id, const BlobReference& blob) {
    const bool possible = blob.offset == kFirstBlob || blob.offset > 2 * kFirstBlob;
    if (!possible) report(id, fmt::format("its offset in {} is {}", blob.path, blob.offset));
  });
}

// Each file that has a further entry, once.
void check_weight_files(const Function& function, const Report& report) {
  std::set<std::string_view> reported;
  for_each_blob(function, [&](ValueId id, const BlobReference& blob) {
    if (blob.offset == kFirstBlob || !reported.insert(blob.path).second) return;
    report(id, fmt::format("it is a further entry of {}", blob.path));
  });
}

void check_names(const Function& function, const Report& report) {
  constexpr std::array<std::string_view, 9> kNames{"var", "diff", "mean", "std", "eps", "x", "y", "mul", "add"};
  for (size_t i = 0; i < function.values.size(); ++i) {
    if (std::ranges::count(kNames, function.values[i].name) > 0) report(static_cast<ValueId>(i), "it has such a name");
  }
}

}  // namespace

const std::vector<FunctionRule>& function_rules() {
  static const std::vector<FunctionRule> rules{
      {{.id = "C06",
        .statement = "a weight's offset is that of its metadata: 64 for the first of a file, whose data stand at 128",
        .remedy = "state where the metadata stand",
        .source = "all",
        .effect = Effect::wrong},
       check_blob_offsets},
      {{.id = "C07",
        .statement = "a weight file holds one entry",
        .remedy = "write one file a matrix",
        .source = "maderix (M1)",
        .where = {.chips = kM1Class, .paths = kDirect}},
       check_weight_files},
      {{.id = "C17",
        .statement = "at most 383 blocks stand one behind another",
        .remedy = "cut the program in two",
        .source = "maderix (M4)",
        .against = "751K: 448 pass on macOS 27, and a block may be more than an operation",
        .where = {.chips = kM4Family | only({Chip::m6}), .systems = only({System::macos15, System::macos26})}},
       [](const Function& function, const Report& report) { check_depth(function, 383, report); }},
      {{.id = "C17",
        .statement = "at most 448 blocks stand one behind another on macOS 27",
        .remedy = "cut the program in two",
        .source = "751K: so many pass; on M6 the compiler crashes from 387 on",
        .against = "751K: 512 pass for other targets",
        .where = {.chips = kM4Family | only({Chip::m6}), .systems = only({System::macos27})}},
       [](const Function& function, const Report& report) { check_depth(function, 448, report); }},
      {{.id = "C31",
        .statement = "values named var, diff, mean, std, eps, x, y, mul or add give zeros",
        .remedy = "rename it",
        .source = "ane-train (M1)",
        .against = "everyone else uses x and y",
        .where = {.chips = kM1Class},
        .effect = Effect::wrong},
       check_names},
  };
  return rules;
}

}  // namespace anemone::mil
