// Products whose matrix comes in the input, so that it may change without compiling again.
#include <cmath>
#include <utility>

#include "base/half.h"
#include "mil/builder.h"
#include "probe/draw.h"
#include "probe/questions/questions.h"
#include "probe/reference.h"

namespace anemone::probe {
namespace {

// y = Wᵀ·x with x [K, S] and W [K, M].
struct Size {
  int64_t K = 0, M = 0, S = 0;

  double flop() const { return 2.0 * double(K * M * S); }
};
constexpr Size kSmall{.K = 64, .M = 64, .S = 64}, kLarge{.K = 768, .M = 768, .S = 256};

// Measured: with I at most what rounding x in bfloat16 costs, 0.0034 of the standard deviation, which counts an eighth;
// else 0.0018 on cpu and ref, 0.022 on sim.
constexpr Tolerance kIdentityTolerance{.ours = 0.002, .seed_largest = 0.01},
    kTolerance{.ours = 0.07, .seed_largest = 1.0};

// x and W side by side in the width: [1, K, 1, S + M] → [1, M, 1, S].
Result<mil::Function> program(const Size& size) {
  const auto& [K, M, S] = size;
  mil::Builder b;
  const mil::Value in = b.input("x", {mil::DType::fp16, {1, K, 1, S + M}});
  const mil::Value x = reshape(slice(in, 3, 0, S), {1, 1, K, S}), w = reshape(slice(in, 3, S, M), {1, 1, K, M});
  const mil::Value y = matmul(transpose(x, {0, 1, 3, 2}), w);  // [S, M]
  b.output("y", reshape(transpose(y, {0, 1, 3, 2}), {1, M, 1, S}));
  return b.finish();
}

// Columns of the matrix [rows, columns] that x is.
Numbers columns_of(const Numbers& x, int64_t columns, int64_t begin, int64_t count) {
  Numbers part;
  for (size_t row = 0; row < x.size(); row += size_t(columns)) {
    const auto from = x.begin() + std::ptrdiff_t(row) + begin;
    part.insert(part.end(), from, from + count);
  }
  return part;
}

Numbers side_by_side(const Size& size, const Numbers& x, const Numbers& W) {
  Numbers in;
  for (int64_t k = 0; k < size.K; ++k) {
    in.insert(in.end(), x.begin() + k * size.S, x.begin() + (k + 1) * size.S);
    in.insert(in.end(), W.begin() + k * size.M, W.begin() + (k + 1) * size.M);
  }
  return in;
}

// W = I, then 2I, in the same program.
Result<> ask_small(Inquiry& inquiry) {
  Trial trial = TRY(Trial::create(inquiry.device(), TRY(program(kSmall))));
  Drand48 random(42);
  for (const double factor : {1.0, 2.0}) {
    Numbers W(size_t(kSmall.K * kSmall.M), 0.0);
    for (int64_t k = 0; k < kSmall.K; ++k) W[size_t(k * kSmall.M + k)] = factor;
    const auto inputs = [&] {
      return std::vector<Numbers>{side_by_side(kSmall, draw(random, kSmall.K * kSmall.S, 1.0), W)};
    };
    const auto expected = [&](const std::vector<Numbers>& in) {
      Numbers y = columns_of(in[0], kSmall.S + kSmall.M, 0, kSmall.S);
      for (double& value : y) value *= factor;
      return std::vector<Numbers>{y};
    };
    TRY(inquiry.check(trial, {.what = factor == 1 ? "64 by 64, W = I: y = x" : "the same program, W = 2I: y = 2x",
                              .inputs = inputs,
                              .expected = expected,
                              .tolerance = kIdentityTolerance}));
  }
  return {};
}

// A large product in pieces of W's columns, one program for all of them.
struct Tiled {
  Size tile;
  Trial trial;
  std::vector<float> W;  // [K, kLarge.M]

  int64_t count() const { return kLarge.M / tile.M; }
  // The columns of W that are tile n, beside what x is there.
  void write_weights(int64_t n) {
    const Map map = trial.inputs()[0]->map(Access::write);
    for (int64_t k = 0; k < tile.K; ++k) {
      const std::span<const float> row(&W[size_t(k * kLarge.M + n * tile.M)], size_t(tile.M));
      to_half(row, &map.as<Half>()[size_t(k * (tile.S + tile.M) + tile.S)]);
    }
  }
  Result<RunTime> run_all(bool writing) {
    RunTime total{.device = std::chrono::nanoseconds(0)};
    for (int64_t n = 0; n < count(); ++n) {
      if (writing) write_weights(n);
      total = total + TRY(trial.run());
    }
    return total;
  }
};

// x, W and their product, which all sizes of tiles share.
struct Round {
  Numbers x, W, y;
};

std::vector<Round> draw_rounds() {
  Drand48 random(42);
  const double sd = 1 / std::sqrt(double(kLarge.K));
  std::vector<Round> rounds(2);
  for (Round& r : rounds) {
    r.x = rounded(mil::DType::fp16, draw(random, kLarge.K * kLarge.S, 0.1));
    r.W = rounded(mil::DType::fp16, draw(random, kLarge.K * kLarge.M, sd));
    r.y = linear(transposed(r.W, kLarge.K, kLarge.M), r.x, kLarge.M, kLarge.K, kLarge.S);
  }
  return rounds;
}

// Each round's result is the tiles' ones below each other.
Result<> check_tiles(Inquiry& inquiry, Tiled& tiled, const std::vector<Round>& rounds, const std::string& what) {
  Numbers results, expected;
  for (const auto& [x, W, y] : rounds) {
    tiled.W.assign(W.begin(), W.end());
    tiled.trial.write(0, side_by_side(tiled.tile, x, columns_of(W, kLarge.M, 0, tiled.tile.M)));
    for (int64_t n = 0; n < tiled.count(); ++n) {
      tiled.write_weights(n);
      TRY(tiled.trial.run());
      results = joined(std::move(results), tiled.trial.read(0));
    }
    expected = joined(std::move(expected), y);
  }
  inquiry.compare(what, expected, results, kTolerance);
  return {};
}

Result<> ask_tiles(Inquiry& inquiry, const std::vector<Round>& rounds, int64_t columns, int64_t warmups, int64_t runs) {
  const Size tile{.K = kLarge.K, .M = columns, .S = kLarge.S};
  Tiled tiled{.tile = tile, .trial = TRY(Trial::create(inquiry.device(), TRY(program(tile)))), .W = {}};
  const std::string what =
      columns == kLarge.M ? "768 by 768 by 256" : fmt::format("the same in tiles of {} columns", columns);
  TRY(check_tiles(inquiry, tiled, rounds, what));
  const auto run = [&tiled](bool writing) { return [&tiled, writing] { return tiled.run_all(writing); }; };
  TRY(inquiry.time(what + ": time", run(/*writing=*/false), warmups, runs, kLarge.flop()));
  return inquiry.time_with_host(what + ": time with W written each time", run(/*writing=*/true), warmups, runs,
                                kLarge.flop());
}

Result<> ask(Inquiry& inquiry) {
  inquiry.part("64 by 64", [&] { return ask_small(inquiry); });
  const std::vector<Round> rounds = draw_rounds();
  inquiry.part("768 by 768 by 256", [&] { return ask_tiles(inquiry, rounds, kLarge.M, 3, 50); });
  for (const int64_t columns : {64, 128, 256, 384}) {
    inquiry.part(fmt::format("tiles of {}", columns), [&] { return ask_tiles(inquiry, rounds, columns, 2, 20); });
  }
  return {};
}

}  // namespace

Probe dynamic_matmul() {
  return {
      .name = "dynamic_matmul",
      .question = "Does a program take its matrix from the input, and another one the next time?",
      .method =
          "64 by 64 with W = I, then 2I; 768 by 768 by 256 at once and in tiles of 64, 128, 256 and 384 columns, "
          "two sets of x and W each; timed with W left and with W written before each run",
      .reference =
          "Wᵀ·x in double precision. The seed's reference is another product, and its tolerance of 1.0 is 400 times "
          "what the results are",
      .ask = ask};
}

}  // namespace anemone::probe
