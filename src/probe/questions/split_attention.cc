#include "probe/questions/split_attention.h"

#include <chrono>

namespace anemone::probe {
namespace {

constexpr int64_t kHostRuns = 50;

}  // namespace

Numbers SplitAttention::in_layout(const Numbers& by_query) const {
  return layout == ScoreLayout::query_by_key ? by_query : transposed(by_query, shape.S, shape.S);
}

void SplitAttention::softmax_on_host() {
  values.write(0, in_layout(attention_weights(shape, in_layout(scores.read(0)), /*causal=*/true)));
}

Result<RunTime> SplitAttention::run() {
  const RunTime first = TRY(scores.run());
  softmax_on_host();
  return first + TRY(values.run());
}

Result<> time(Inquiry& inquiry, SplitAttention& attention, int64_t warmups, int64_t runs) {
  const double half = attention.flop() / 2;
  TRY(inquiry.time("time of Q·Kᵀ", attention.scores, warmups, runs, half));
  const auto on_host = [&]() -> Result<RunTime> {
    const auto start = std::chrono::steady_clock::now();
    attention.softmax_on_host();
    return RunTime{.wall = std::chrono::steady_clock::now() - start};
  };
  TRY(inquiry.time("time of the softmax on the host", on_host, 1, kHostRuns));
  TRY(inquiry.time("time of P·V", attention.values, warmups, runs, half));
  return inquiry.time_with_host(
      "time of the whole", [&] { return attention.run(); }, warmups, runs, attention.flop());
}

}  // namespace anemone::probe
