#include "cli/train_golden.h"

#include <fmt/format.h>

namespace anemone::cli {
namespace {

// step 3     10.417543   10.417551   -0.000008
void show(const train::GoldenRow& row) {
  fmt::print("step {:<5} {:<11.6f} ", row.step, row.loss);
  if (row.published) {
    fmt::print("{:<11.6f} {:+.6f}\n", *row.published, row.difference());
  } else {
    fmt::print("{:<11} -\n", "-");
  }
  std::fflush(stdout);
}

}  // namespace

Result<> show_golden(train::Trainer& trainer, const train::GoldenTrace& trace, int64_t steps) {
  fmt::print("Published: {}\n           loss        published   difference\n", trace.source);
  const train::GoldenRow worst = TRY(train::follow(trainer, trace, steps, show));
  if (worst.published) fmt::print("Largest difference: {:+.6f}, at step {}\n", worst.difference(), worst.step);
  return {};
}

}  // namespace anemone::cli
