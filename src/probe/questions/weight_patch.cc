// Ways to change weights without another compilation.
#include <algorithm>

#include "mil/blob.h"
#include "mil/builder.h"
#include "probe/draw.h"
#include "probe/questions/engine_answers.h"
#include "probe/questions/questions.h"
#include "probe/questions/scaled_convolution.h"

namespace anemone::probe {
namespace {

constexpr ScaledConvolution kConvolution{.channels = 256, .width = 64};
const std::vector<Published> kIgnored{{"M5", "no", "maderix"}};

// Positive, so that no ratio is of nothing.
Numbers fresh_input(uint32_t seed) {
  Drand48 random(seed);
  return rounded(mil::DType::fp16, draw(random, kConvolution.elements(), [](double u) { return 0.5 + u; }));
}

Result<Trial> compile(Device& device) {
  return Trial::create(device, TRY(kConvolution.function()), kConvolution.weights(1));
}

Result<> rewrite_files(Inquiry& inquiry) {
  constexpr const char* kWhat = "files rewritten to 2I, the program unloaded and loaded";
  Trial trial = TRY(compile(inquiry.device()));
  TRY(inquiry.check(trial, kConvolution.check("weights I: y = x", 1)));
  if (const auto answers = rewrite_weights(inquiry.device(), trial, kConvolution.weights(2)); !answers) {
    inquiry.unavailable(kWhat, answers.error().message);
    return {};
  }
  return ask_whether_changed(inquiry, kWhat, trial, fresh_input(2), 2, kIgnored);
}

// The bytes that were handed over for compiling stay where they are, and change.
Result<> patch_memory(Inquiry& inquiry) {
  const mil::TensorType type{mil::DType::fp16, {kConvolution.channels, kConvolution.channels, 1, 1}};
  const mil::Tensor before = mil::Tensor::from_numbers(type, kConvolution.matrix(1));
  const mil::Tensor after = mil::Tensor::from_numbers(type, kConvolution.matrix(3));
  std::vector<std::byte> memory(before.bytes().begin(), before.bytes().end());
  mil::Weights weights;
  weights.set(mil::weight_file("w"), mil::Tensor::view(type, memory));
  Trial trial = TRY(Trial::create(inquiry.device(), TRY(kConvolution.function()), weights));
  trial.write(0, fresh_input(3));
  TRY(trial.run());
  std::ranges::copy(after.bytes(), memory.begin());
  return ask_whether_changed(inquiry, "the weights in memory patched to 3I", trial, fresh_input(4), 3, {});
}

// A request with a surface for weights, which holds these bytes.
Result<> give_surface(Inquiry& inquiry, const std::string& what, std::span<const std::byte> bytes, double factor) {
  const auto surface = TRY(inquiry.device().allocate(bytes.size()));
  std::ranges::copy(bytes, surface->map(Access::write).bytes().begin());
  Trial trial = TRY(compile(inquiry.device()));
  if (const Result<> bound = trial.bind({.weights = surface.get()}); !bound) {
    inquiry.unavailable(what, bound.error().message);
    return {};
  }
  return ask_whether_changed(inquiry, what, trial, fresh_input(5), factor, kIgnored);
}

Result<> give_surfaces(Inquiry& inquiry) {
  const mil::TensorType type{mil::DType::fp16, {kConvolution.channels, kConvolution.channels, 1, 1}};
  const auto file = TRY(mil::write_blob(mil::Tensor::from_numbers(type, kConvolution.matrix(5))));
  TRY(give_surface(inquiry, "weightsBuffer with a weight file of 5I", file, 5));
  const mil::Tensor plain = mil::Tensor::from_numbers(type, kConvolution.matrix(7));
  return give_surface(inquiry, "weightsBuffer with 7I", plain.bytes(), 7);
}

// y = w∘x, both inputs.
Result<> multiply_inputs(Inquiry& inquiry) {
  mil::Builder b;
  const mil::TensorType type{mil::DType::fp16, {1, kConvolution.channels, 1, kConvolution.width}};
  const mil::Value w = b.input("a_weight", type), x = b.input("b_data", type);
  b.output("y", w * x);
  Trial trial = TRY(Trial::create(inquiry.device(), TRY(b.finish())));
  Drand48 random(6);
  double factor = 2;
  const auto inputs = [&] {
    const double now = std::exchange(factor, 5);
    return std::vector<Numbers>{Numbers(static_cast<size_t>(kConvolution.elements()), now),
                                draw(random, kConvolution.elements(), 1.0)};
  };
  const auto expected = [](const std::vector<Numbers>& in) {
    Numbers y = in[1];
    for (size_t i = 0; i < y.size(); ++i) y[i] *= in[0][i];
    return std::vector<Numbers>{y};
  };
  return inquiry.check(trial, {.what = "weights as an input, elementwise: from 2 to 5",
                               .inputs = inputs,
                               .expected = expected,
                               .tolerance = {.ours = 0.004},
                               .published = {{"M5", "works", "maderix"}}});
}

// y = W·x, both inputs.
Result<> multiply_matrices(Inquiry& inquiry) {
  constexpr ScaledConvolution kSquare{.channels = 64, .width = 64};
  mil::Builder b;
  const mil::TensorType type{mil::DType::fp16, {1, 1, kSquare.channels, kSquare.width}};
  const mil::Value w = b.input("a_weight", type), x = b.input("b_data", type);
  b.output("y", matmul(w, x));
  Trial trial = TRY(Trial::create(inquiry.device(), TRY(b.finish())));
  Drand48 random(7);
  double factor = 1;
  const auto inputs = [&] {
    return std::vector<Numbers>{kSquare.matrix(std::exchange(factor, 2)), draw(random, kSquare.elements(), 1.0)};
  };
  const auto expected = [](const std::vector<Numbers>& in) {
    Numbers y = in[1];
    for (double& value : y) value *= in[0][0];
    return std::vector<Numbers>{y};
  };
  return inquiry.check(trial, {.what = "weights as an input, matrix product: from I to 2I",
                               .inputs = inputs,
                               .expected = expected,
                               .tolerance = {.ours = 0.004},
                               .published = {{"M5", "works", "maderix"}}});
}

Result<> list_classes(Inquiry& inquiry) {
  std::vector<Fact> classes = classes_about(inquiry.device(), {"weight", "model", "program"});
  if (classes.empty()) {
    inquiry.unavailable("classes of weights", "the device has no classes");
  } else {
    inquiry.list("classes of weights", std::move(classes));
  }
  return {};
}

Result<> ask(Inquiry& inquiry) {
  inquiry.part("files", [&] { return rewrite_files(inquiry); });
  inquiry.part("memory", [&] { return patch_memory(inquiry); });
  inquiry.part("classes", [&] { return list_classes(inquiry); });
  inquiry.part("weightsBuffer", [&] { return give_surfaces(inquiry); });
  inquiry.part("elementwise", [&] { return multiply_inputs(inquiry); });
  inquiry.part("matrix product", [&] { return multiply_matrices(inquiry); });
  return {};
}

}  // namespace

Probe weight_patch() {
  return {.name = "weight_patch",
          .question = "Which ways are there to change weights without compiling again?",
          .method =
              "a convolution of 256 channels with weights I, changed in files, in the caller's memory and by a "
              "request's weightsBuffer; then weights as an input, elementwise and in a matrix product",
          .reference = "y = x where nothing changed, else y = 2x, 3x, 5x, 7x",
          .ask = ask};
}

}  // namespace anemone::probe
