#include "device/cpu/cpu_device.h"

#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <thread>

#include "device/allocations_testing.h"
#include "mil/builder.h"

namespace anemone {
namespace {

using mil::DType;
using mil::Tensor;
using mil::Value;
using testing::HasSubstr;

constexpr DeviceOptions kFp32{.precision = Precision::fp32};

std::unique_ptr<Program> compile(Device& device, mil::Builder& builder, const mil::Weights& weights = {}) {
  auto function = builder.finish();
  EXPECT_TRUE(function) << function.error().message;
  auto program = device.compile(*function, weights);
  EXPECT_TRUE(program) << program.error().message;
  return std::move(*program);
}

std::string refusal(const mil::Function& function) {
  const auto program = open_cpu(kFp32)->compile(function, {});
  return program ? "" : program.error().message;
}

// Surfaces for a program's ports, by which a test runs it several times.
class Trial {
 public:
  Trial(Device& device, const Program& program) {
    std::vector<Surface*> from, to;
    for (const Port& port : program.signature().inputs) from.push_back(add(inputs_, device, port));
    for (const Port& port : program.signature().outputs) to.push_back(add(outputs_, device, port));
    request_ = *program.bind(from, to);
  }

  void set(size_t input, const std::vector<double>& values) { write(inputs_[input], values); }
  std::vector<double> state(size_t input) { return read(inputs_[input]); }
  std::vector<double> output(size_t i = 0) { return read(outputs_[i]); }
  Trial& operator()() {
    EXPECT_TRUE(request_->run());
    return *this;
  }

 private:
  struct Bound {
    mil::TensorType type;
    std::unique_ptr<Surface> surface;
  };

  static Surface* add(std::vector<Bound>& bound, Device& device, const Port& port) {
    bound.push_back({port.type, *device.allocate(port.type.bytes())});
    return bound.back().surface.get();
  }
  static void write(Bound& to, const std::vector<double>& values) {
    const Map map = to.surface->map(Access::write);
    for (size_t i = 0; i < values.size(); ++i) {
      mil::store_number(to.type.dtype, map.bytes().data(), int64_t(i), values[i]);
    }
  }
  static std::vector<double> read(Bound& from) {
    const Map map = from.surface->map(Access::read);
    std::vector<double> values;
    for (int64_t i = 0; i < from.type.count(); ++i) {
      values.push_back(mil::load_number(from.type.dtype, map.bytes().data(), i));
    }
    return values;
  }

  std::vector<Bound> inputs_, outputs_;
  std::unique_ptr<Request> request_;
};

// Values at the ends of an integer type's range, and what a float type does not round.
std::vector<double> samples(DType dtype) {
  if (mil::is_float(dtype)) return {-1.5, 0, 448};
  if (dtype == DType::boolean) return {1, 0, 1};
  const double span = std::exp2(double(mil::bits(dtype)));
  return mil::is_signed_integer(dtype) ? std::vector{-span / 2, span / 2 - 1, 0.0} : std::vector{span - 1, 1.0, 0.0};
}

constexpr std::array kWordTypes{DType::boolean, DType::fp16,  DType::bf16,  DType::fp32, DType::int8,
                                DType::uint8,   DType::int16, DType::int32, DType::int4, DType::uint16,
                                DType::uint32,  DType::uint1, DType::f8e5m2};

TEST(Cpu, SaysHowItRunsEachOp) {
  EXPECT_EQ(cpu::how_it_runs(*mil::find_op("add")), "kernel");
  EXPECT_EQ(cpu::how_it_runs(*mil::find_op("const")), "constant");
  for (const mil::OpDef& op : mil::all_ops()) {
    const std::string_view how = cpu::how_it_runs(op);
    EXPECT_TRUE(how != "composition" || op.compose != nullptr) << op.name;
  }
}

TEST(Cpu, RefusesWhatDoesNotFitItsWordsByName) {
  mil::Builder b;
  b.output("y", b.apply("identity", {{"x", b.input("tokens", {DType::int64, {3}})}}));
  EXPECT_THAT(refusal(*b.finish()), testing::AllOf(HasSubstr("tokens"), HasSubstr("int64")));
}

TEST(Cpu, MovesEveryElementTypeUnchanged) {
  for (DType dtype : kWordTypes) {
    SCOPED_TRACE(mil::to_string(dtype));
    mil::Builder b;
    const Value x = b.input("x", {dtype, {3, 1}}), doubled = mil::concat({x, x}, 1);
    b.output("y", reshape(transpose(doubled, {1, 0}), {6}));
    b.output("z", slice(x, 0, 1, 2));
    const auto device = open_cpu(kFp32);
    Trial run(*device, *compile(*device, b));
    const std::vector<double> values = samples(dtype);
    run.set(0, values);
    run();
    EXPECT_THAT(run.output(0), testing::ElementsAre(values[0], values[1], values[2], values[0], values[1], values[2]));
    EXPECT_THAT(run.output(1), testing::ElementsAre(values[1], values[2]));
  }
}

TEST(Cpu, CastsBetweenElementTypesAsTheReferenceDoes) {
  constexpr std::array kTargets{DType::boolean, DType::fp16,  DType::fp32,  DType::int8,
                                DType::uint8,   DType::int16, DType::int32, DType::uint16};
  for (DType from : kWordTypes) {
    for (DType to : kTargets) {
      SCOPED_TRACE(fmt::format("{} to {}", mil::to_string(from), mil::to_string(to)));
      mil::Builder b;
      const Value x = b.input("x", {from, {3}});
      b.output("y", b.apply("cast", {{"x", x}, {"dtype", Tensor::text(mil::to_string(to))}}));
      const auto device = open_cpu({.precision = Precision::fp16});
      Trial run(*device, *compile(*device, b));
      run.set(0, samples(from));
      std::vector<double> expected;
      for (double value : samples(from)) expected.push_back(Tensor::scalar(to, value).number(0));
      EXPECT_EQ(run().output(), expected);
    }
  }
}

TEST(Cpu, IntegersWrap) {
  mil::Builder b;
  const Value x = b.input("x", {DType::int32, {2}}), y = b.input("y", {DType::int32, {2}});
  b.output("sum", x + y);
  b.output("product", x * y);
  b.output("quotient", x / y);
  const auto device = open_cpu(kFp32);
  Trial run(*device, *compile(*device, b));
  run.set(0, {2147483647, -7});
  run.set(1, {2, 2});
  run();
  EXPECT_THAT(run.output(0), testing::ElementsAre(-2147483647, -5));
  EXPECT_THAT(run.output(1), testing::ElementsAre(-2, -14));
  EXPECT_THAT(run.output(2), testing::ElementsAre(1073741823, -3));
}

// y = s, s = s + x, z = s
TEST(Cpu, AStateIsReadAndWrittenInTheOrderOfTheProgram) {
  for (const DType dtype : {DType::fp32, DType::fp16}) {
    mil::Builder b;
    const Value x = b.input("x", {dtype, {2}}), s = b.input("s", {.dtype = dtype, .shape = {2}, .state = true});
    const Value before = b.apply("read_state", {{"input", s}});
    b.apply_all("write_state", {{"input", s}, {"data", before + x}});
    b.output("y", before);
    b.output("z", b.apply("read_state", {{"input", s}}) * 2.0);
    const auto device = open_cpu({.precision = Precision::fp16});
    Trial run(*device, *compile(*device, b));
    run.set(0, {1, 2});
    run.set(1, {10, 20});
    EXPECT_THAT(run().output(0), testing::ElementsAre(10, 20));
    EXPECT_THAT(run().output(0), testing::ElementsAre(11, 22));
    EXPECT_THAT(run.output(1), testing::ElementsAre(24, 48));
    EXPECT_THAT(run.state(1), testing::ElementsAre(12, 24));
  }
}

TEST(Cpu, AStateHasASurfaceOfItsOwn) {
  mil::Builder b;
  const Value s = b.input("s", {.dtype = DType::fp32, .shape = {2}, .state = true});
  const Value x = b.input("x", {DType::fp32, {2}});
  b.apply_all("write_state", {{"input", s}, {"data", x}});
  b.output("y", x * 2.0);
  const auto device = open_cpu(kFp32);
  const auto program = compile(*device, b);
  const auto both = *device->allocate(8), y = *device->allocate(8);
  const auto request = program->bind({both.get(), both.get()}, {y.get()});
  ASSERT_FALSE(request);
  EXPECT_THAT(request.error().message, HasSubstr("state s"));
}

// The same op with one result that a view stands for and one that is computed, and one that nothing reads.
TEST(Cpu, AnOpHasSeveralResults) {
  mil::Builder b;
  const Value x = b.input("x", {DType::fp32, {6}});
  const auto parts = b.apply_all("split", {{"x", x}, {"num_splits", Tensor::integer(3)}, {"axis", Tensor::integer(0)}});
  const auto top = b.apply_all("topk", {{"x", x}, {"k", Tensor::integer(2)}, {"axis", Tensor::integer(0)}});
  b.output("last", parts[2]);
  b.output("first", parts[0] + 1.0);
  b.output("largest", top[0]);
  b.output("where", top[1]);
  const auto device = open_cpu(kFp32);
  Trial run(*device, *compile(*device, b));
  run.set(0, {3, 1, 4, 1, 5, 9});
  run();
  EXPECT_THAT(run.output(0), testing::ElementsAre(5, 9));
  EXPECT_THAT(run.output(1), testing::ElementsAre(4, 2));
  EXPECT_THAT(run.output(2), testing::ElementsAre(9, 5));
  EXPECT_THAT(run.output(3), testing::ElementsAre(5, 4));
}

TEST(Cpu, RunsOfKernelsAllocateNothing) {
  mil::Builder b;
  const Value x = b.input("x", {DType::fp16, {4, 6}}), i = b.input("i", {DType::int32, {2}});
  const Value s = b.input("s", {.dtype = DType::fp16, .shape = {4, 6}, .state = true});
  const Value rows = b.apply("gather", {{"x", x}, {"indices", mil::select(mil::less(i, 0), i + 4, i)}});
  const Value cache =
      b.apply("slice_update", {{"x", b.apply("read_state", {{"input", s}})},
                               {"update", rows},
                               {"begin", i},
                               {"end", i},
                               {"end_mask", Tensor::from_numbers({DType::boolean, {2}}, std::vector<double>{1, 1})}});
  b.apply_all("write_state", {{"input", s}, {"data", cache}});
  b.output("y", softmax(matmul_nt(cache, x) * 0.5, -1));
  b.output("best", b.apply("reduce_argmax", {{"x", cache}}));
  const auto device = open_cpu({.precision = Precision::fp16});
  Trial run(*device, *compile(*device, b));
  run();
  const int64_t before = allocations();
  run();
  EXPECT_EQ(allocations(), before);
}

TEST(Cpu, ReadsAWeightInPlace) {
  std::vector<float> weight{2, 3};
  mil::Builder b;
  b.output("y", b.input("x", {DType::fp32, {2}}) * b.weight("w", {DType::fp32, {2}}));
  mil::Weights weights;
  weights.set(mil::weight_file("w"), Tensor::view({DType::fp32, {2}}, std::as_bytes(std::span(weight))));
  const auto device = open_cpu(kFp32);
  const auto program = compile(*device, b, weights);
  const auto x = *device->allocate(8), y = *device->allocate(8);
  std::ranges::fill(x->map(Access::write).as<float>(), 10.0f);
  ASSERT_TRUE((*program->bind({x.get()}, {y.get()}))->run());
  EXPECT_THAT(y->map(Access::read).as<float>(), testing::ElementsAre(20, 30));
}

TEST(Cpu, RequestsShareAnArenaThatGrows) {
  const auto device = open_cpu(kFp32);
  const auto squares = [&](int64_t n) {
    mil::Builder b;
    const Value x = b.input("x", {DType::fp32, {n, 8}});
    b.output("y", sum(softmax(x, 0) * x, 1));
    return compile(*device, b);
  };
  const auto small = squares(4), large = squares(4000);
  const auto x = *device->allocate(4 * 8 * 4), y = *device->allocate(4 * 4);
  std::ranges::fill(x->map(Access::write).as<float>(), 2.0f);
  const auto request = *small->bind({x.get()}, {y.get()});
  ASSERT_TRUE(request->run());
  const auto big_x = *device->allocate(4000 * 8 * 4), big_y = *device->allocate(4000 * 4);
  const auto big = *large->bind({big_x.get()}, {big_y.get()});  // moves the arena
  ASSERT_TRUE(big->run());
  ASSERT_TRUE(request->run());
  EXPECT_THAT(y->map(Access::read).as<float>(), testing::Each(4));
}

TEST(Cpu, RequestsOfOneDeviceMayRunFromSeveralThreads) {
  const auto device = open_cpu(kFp32);
  mil::Builder b;
  const Value x = b.input("x", {DType::fp32, {64, 64}});
  b.output("y", matmul(x, softmax(x, 0)));
  const auto program = compile(*device, b);
  const auto run = [&](float value) {
    const auto in = *device->allocate(64 * 64 * 4), out = *device->allocate(64 * 64 * 4);
    std::ranges::fill(in->map(Access::write).as<float>(), value);
    const auto request = *program->bind({in.get()}, {out.get()});
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(request->run());
    EXPECT_THAT(out->map(Access::read).as<float>(), testing::Each(testing::FloatNear(value, 1e-4f)));
  };
  std::thread other(run, 2.0f);
  run(3.0f);
  other.join();
}

TEST(Cpu, RefusesASurfaceThatIsReadAndWritten) {
  const auto device = open_cpu(kFp32);
  mil::Builder b;
  b.output("y", sigmoid(b.input("x", {DType::fp32, {2}})));
  const auto program = compile(*device, b);
  const auto x = *device->allocate(8);
  const auto request = program->bind({x.get()}, {x.get()});
  ASSERT_FALSE(request);
  EXPECT_THAT(request.error().message, HasSubstr("y"));
}

// y = W·x with W [O, I] of floats, as it is or transposed, and a norm's weight in another shape.
struct Reloaded {
  static constexpr int64_t kOut = 70, kIn = 40, kColumns = 9;
  std::vector<float> w = std::vector<float>(kOut * kIn), gain = std::vector<float>(kIn);
  bool transposed;

  explicit Reloaded(bool turned) : transposed(turned) { fill(1); }
  void fill(double seed) {
    for (size_t i = 0; i < w.size(); ++i) w[i] = float(std::sin(seed * double(i + 1)));
    for (size_t i = 0; i < gain.size(); ++i) gain[i] = float(std::cos(seed * double(i)));
  }
  mil::Weights weights(DType dtype) const {
    mil::Weights all;
    const mil::FloatSource source =
        transposed ? mil::FloatSource{w.data(), kIn, kOut, true} : mil::FloatSource{w.data(), kOut, kIn, false};
    all.set(mil::weight_file("w"), Tensor::of_floats({dtype, {kOut, kIn, 1, 1}}, source));
    all.set(mil::weight_file("gain"), Tensor::of_floats({dtype, {1, kIn, 1, 1}}, {gain.data(), kIn, 1}));
    return all;
  }
  static mil::Function function(DType dtype) {
    mil::Builder b;
    const Value x = b.input("x", {dtype, {1, kIn, 1, kColumns}});
    const Value g = reshape(b.weight("gain", {dtype, {1, kIn, 1, 1}}), {1, kIn, 1, 1});
    b.output("y", conv(x * g, b.weight("w", {dtype, {kOut, kIn, 1, 1}})));
    return *b.finish();
  }
};

std::vector<double> output_of(Device& device, const Program& program) {
  Trial run(device, program);
  std::vector<double> x(Reloaded::kIn * Reloaded::kColumns);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::cos(double(i));
  run.set(0, x);
  return run().output();
}

TEST(Cpu, TakesNewConstantsWithoutCompiling) {
  for (const Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16}) {
    for (const DType dtype : {DType::fp32, DType::fp16}) {
      for (const bool transposed : {false, true}) {
        SCOPED_TRACE(testing::Message() << to_string(precision) << ' ' << mil::to_string(dtype) << ' ' << transposed);
        const auto device = open_cpu({.precision = precision});
        const mil::Function function = Reloaded::function(dtype);
        Reloaded model(transposed);
        const auto program = *device->compile(function, model.weights(dtype));
        const std::vector<double> before = output_of(*device, *program);
        Reloaded other(transposed);
        other.fill(2);
        EXPECT_TRUE(*program->reload(other.weights(dtype)));
        const std::vector<double> after = output_of(*device, *program);
        EXPECT_NE(after, before);
        EXPECT_EQ(after, output_of(*device, **device->compile(function, other.weights(dtype))));
      }
    }
  }
}

TEST(Cpu, TakesInRowsThatChanged) {
  for (const Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16}) {
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(testing::Message() << to_string(precision) << ' ' << transposed);
      const DType dtype = precision == Precision::fp16 ? DType::fp16 : DType::fp32;
      const auto device = open_cpu({.precision = precision});
      const mil::Function function = Reloaded::function(dtype);
      Reloaded model(transposed);
      const auto program = *device->compile(function, model.weights(dtype));
      model.fill(2);
      const int64_t rows = transposed ? Reloaded::kIn : Reloaded::kOut;
      for (int64_t row = 0; row < rows; row += 7) {
        EXPECT_TRUE(program->refresh(mil::weight_file("w"), row, std::min<int64_t>(7, rows - row)));
      }
      EXPECT_TRUE(program->refresh(mil::weight_file("gain"), 0, Reloaded::kIn));
      EXPECT_EQ(output_of(*device, *program), output_of(*device, **device->compile(function, model.weights(dtype))));
    }
  }
}

TEST(Cpu, SaysWhenAConstantIsBaked) {
  mil::Builder b;
  const Value x = b.input("x", {DType::fp32, {4}}), w = b.weight("w", {DType::fp32, {4}});
  b.output("y", x + w * w);  // folded
  const std::vector<float> values{1, 2, 3, 4};
  mil::Weights weights;
  weights.set(mil::weight_file("w"), Tensor::of_floats({DType::fp32, {4}}, {values.data(), 4, 1}));
  const auto device = open_cpu(kFp32);
  const auto program = compile(*device, b, weights);
  EXPECT_FALSE(*program->reload(weights));
  EXPECT_FALSE(program->refresh(mil::weight_file("w"), 0, 4));
}

}  // namespace
}  // namespace anemone
