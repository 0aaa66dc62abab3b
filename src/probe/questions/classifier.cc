// The end of a language model: the final norm, the product with 32000 rows of the embedding, the softmax over them, and
// the product's gradient.
#include <chrono>

#include "base/gemm.h"
#include "mil/builder.h"
#include "model/expressions.h"
#include "probe/draw.h"
#include "probe/questions/questions.h"
#include "probe/reference.h"

namespace anemone::probe {
namespace {

constexpr int64_t V = 32000, D = 768, S = 256;
constexpr int64_t kWarmups = 1, kRuns = 10, kHostRuns = 3;
constexpr double kFlop = 2.0 * V * D * S;
constexpr double kEps = 1e-5;

// Measured, of the standard deviation, on cpu with fp16 and on sim: norm 0.0025 and 0.0029, logits 0.0017 and 0.046,
// softmax 0.0019 and 0.018. The gradient 0.0013 and 0.58, since its products of 1e-4 are a few units of the 2^-16 in
// which the engine sums 32000 of them; of inputs 32 times as large 0.0013 and 0.01.
constexpr Tolerance kNormTolerance{.ours = 0.01, .seed_largest = 0.05};
constexpr Tolerance kLogitsTolerance{.ours = 0.14, .seed_largest = 1.0};
constexpr Tolerance kSoftmaxTolerance{.ours = 0.05, .seed_largest = 0.01};
constexpr Tolerance kGradientTolerance{.ours = 0.9, .seed_largest = 1.0}, kLargerGradientTolerance{.ours = 0.03};

constexpr const char* kMachine = "M4 or M5";
constexpr const char* kFork = "a fork of maderix's";

// A power of 2: larger inputs are halves as well, and results are as many times larger.
constexpr double kLarger = 32;

Numbers scaled(Numbers values, double factor) {
  for (double& value : values) value *= factor;
  return values;
}

mil::TensorType halves(const mil::Shape& shape) { return {mil::DType::fp16, shape}; }

// ---- 1: y = rmsnorm(x)·w.

Result<mil::Function> norm_program() {
  mil::Builder b;
  const mil::Value x = b.input("x", halves({1, D, 1, S}));
  b.output("y", model::rmsnorm(x, b.weight("w", halves({1, D, 1, 1})), kEps, 1));
  return b.finish();
}

Result<> ask_norm(Inquiry& inquiry) {
  Drand48 random(42);
  Numbers first = draw(random, D * S, 1.0);
  const Numbers w = rounded(mil::DType::fp16, draw(random, D, [](double u) { return 0.75 + 0.5 * u; }));
  mil::Weights weights;
  set_weight(weights, "w", {1, D, 1, 1}, w);
  Trial trial = TRY(Trial::create(inquiry.device(), TRY(norm_program()), weights));
  const auto inputs = [&] { return std::vector<Numbers>{std::exchange(first, draw(random, D * S, 1.0))}; };
  const auto expected = [&](const std::vector<Numbers>& in) { return std::vector<Numbers>{rmsnorm(in[0], w, kEps)}; };
  return inquiry.check(trial,
                       {.what = "final norm", .inputs = inputs, .expected = expected, .tolerance = kNormTolerance});
}

// ---- 2: logits = E·x.

Result<mil::Function> product_program() {
  mil::Builder b;
  const mil::Value x = b.input("x", halves({1, D, 1, S}));
  b.output("y", conv(x, b.weight("embedding", halves({V, D, 1, 1}))));
  return b.finish();
}

// As training leaves the product to the host.
Result<> time_on_host(Inquiry& inquiry, std::string what, const Gemm& shape, const std::string& published) {
  const std::vector<float> a(size_t(V * D), 0.01F), b(size_t(shape.k * shape.n), 0.01F);
  std::vector<float> c(size_t(shape.m * shape.n));
  const auto run = [&]() -> Result<RunTime> {
    const auto start = std::chrono::steady_clock::now();
    gemm(shape, a.data(), b.data(), c.data());
    return RunTime{.wall = std::chrono::steady_clock::now() - start};
  };
  std::vector<Published> known;
  if (!published.empty()) known.push_back({kMachine, published, kFork});
  TRY(inquiry.time(std::move(what), run, kWarmups, kHostRuns, kFlop, known));
  return {};
}

Result<> ask_product(Inquiry& inquiry) {
  Drand48 random(123);
  Numbers first = draw(random, D * S, 0.1);
  const Numbers E = rounded(mil::DType::fp16, draw(random, V * D, 0.02));
  mil::Weights weights;
  set_weight(weights, "embedding", {V, D, 1, 1}, E);
  Trial trial = TRY(Trial::create(inquiry.device(), TRY(product_program()), weights));
  const auto inputs = [&] { return std::vector<Numbers>{std::exchange(first, draw(random, D * S, 0.1))}; };
  const auto expected = [&](const std::vector<Numbers>& in) { return std::vector<Numbers>{linear(E, in[0], V, D, S)}; };
  TRY(inquiry.check(
      trial,
      {.what = "logits, as a convolution", .inputs = inputs, .expected = expected, .tolerance = kLogitsTolerance}));
  TRY(inquiry.time("time of the logits", trial, kWarmups, kRuns, kFlop, {{kMachine, "1.06 ms", kFork}}));
  return time_on_host(inquiry, "time of the logits on the host", {.m = V, .n = S, .k = D, .lda = D, .ldb = S, .ldc = S},
                      "10.77 ms");
}

// ---- 3: p = softmax of the logits.

Result<mil::Function> softmax_program() {
  mil::Builder b;
  b.output("y", softmax(b.input("x", halves({1, V, 1, S})), 1));
  return b.finish();
}

Result<> ask_softmax(Inquiry& inquiry) {
  Trial trial = TRY(Trial::create(inquiry.device(), TRY(softmax_program())));
  Drand48 random(999);
  const auto inputs = [&] { return std::vector<Numbers>{draw(random, V * S, [](double u) { return 10 * u - 5; })}; };
  const auto expected = [](const std::vector<Numbers>& in) { return std::vector<Numbers>{softmax(in[0], S)}; };
  TRY(inquiry.check(
      trial,
      {.what = "softmax over the vocabulary", .inputs = inputs, .expected = expected, .tolerance = kSoftmaxTolerance}));
  const Numbers p = trial.read(0);
  std::vector<Fact> sums;
  for (int64_t s = 0; s < 4; ++s) {
    double sum = 0;
    for (int64_t v = 0; v < V; ++v) sum += p[size_t(v * S + s)];
    sums.push_back({"sum of the probabilities", fmt::format("position {}", s), fmt::format("{:.5f}", sum)});
  }
  inquiry.list("sums", sums);
  TRY(inquiry.time("time of the softmax", trial, kWarmups, kRuns, 0, {{kMachine, "2.40 ms", kFork}}));
  return {};
}

// ---- 4: dx = Eᵀ·dlogits, which contracts 32000.

Result<mil::Function> gradient_by_matmul() {
  mil::Builder b;
  const mil::Value dlogits = reshape(b.input("x", halves({1, V, 1, S})), {1, 1, V, S});
  const mil::Value dx = matmul(b.weight("transposed", halves({1, 1, D, V})), dlogits);
  b.output("y", reshape(dx, {1, D, 1, S}));
  return b.finish();
}

Result<mil::Function> gradient_by_conv() {
  mil::Builder b;
  const mil::Value dlogits = b.input("x", halves({1, V, 1, S}));
  b.output("y", conv(dlogits, b.weight("convolution", halves({D, V, 1, 1}))));
  return b.finish();
}

// Whether a program for it is to be had.
void ask_for_convolution(Inquiry& inquiry, const mil::Weights& weights) {
  inquiry.part("gradient as a convolution of 32000 channels", [&]() -> Result<> {
    const auto program = inquiry.device().compile(TRY(gradient_by_conv()), weights);
    inquiry.answer("gradient as a convolution of 32000 channels", program ? "taken" : "refused",
                   {{"M4", "refused", "maderix"}}, program ? "" : program.error().message);
    return {};
  });
}

Result<> ask_gradient(Inquiry& inquiry) {
  Drand48 random(456);
  Numbers first = rounded(mil::DType::fp16, draw(random, V * S, 0.01));
  const Numbers E = transposed(rounded(mil::DType::fp16, draw(random, V * D, 0.02)), V, D);
  const std::vector<Numbers> dlogits{std::move(first), rounded(mil::DType::fp16, draw(random, V * S, 0.01))};
  const std::vector<Numbers> dx{linear(E, dlogits[0], D, V, S), linear(E, dlogits[1], D, V, S)};
  mil::Weights weights;
  set_weight(weights, "transposed", {1, 1, D, V}, E);
  set_weight(weights, "convolution", {D, V, 1, 1}, E);
  ask_for_convolution(inquiry, weights);

  Trial trial = TRY(Trial::create(inquiry.device(), TRY(gradient_by_matmul()), weights));
  const auto check = [&](std::string what, double factor, const Tolerance& tolerance) {
    size_t round = 0;
    return inquiry.check(trial,
                         {.what = std::move(what),
                          .inputs = [&] { return std::vector<Numbers>{scaled(dlogits[round], factor)}; },
                          .expected = [&](const auto&) { return std::vector<Numbers>{scaled(dx[round++], factor)}; },
                          .tolerance = tolerance});
  };
  TRY(check("gradient, as a matmul", 1, kGradientTolerance));
  TRY(check("gradient of inputs 32 times as large", kLarger, kLargerGradientTolerance));
  TRY(inquiry.time("time of the gradient", trial, kWarmups, kRuns, kFlop, {{"M4", "3 times the host's", "maderix"}}));
  return time_on_host(inquiry, "time of the gradient on the host",
                      {.trans_a = Transpose::yes, .m = D, .n = S, .k = V, .lda = D, .ldb = S, .ldc = S}, "");
}

Result<> ask(Inquiry& inquiry) {
  inquiry.part("final norm", [&] { return ask_norm(inquiry); });
  inquiry.part("logits", [&] { return ask_product(inquiry); });
  inquiry.part("softmax", [&] { return ask_softmax(inquiry); });
  inquiry.part("gradient", [&] { return ask_gradient(inquiry); });
  return {};
}

}  // namespace

Probe classifier() {
  return {
      .name = "classifier",
      .question = "Does the device compute a classifier of 32000 tokens: norm, logits, softmax and gradient?",
      .method =
          "768 channels, 256 positions: the final norm; logits as a convolution; a softmax over 32000 channels; dx "
          "as a matmul, and whether it is taken as a convolution. Two sets of inputs each",
      .reference =
          "all four in double precision. The seed's tolerances let zeros pass: they are 30 to 80 times what results "
          "are",
      .ask = ask};
}

}  // namespace anemone::probe
