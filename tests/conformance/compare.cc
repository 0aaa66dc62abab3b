#include "compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/random.h"

namespace anemone::conformance {
namespace {

constexpr size_t kGuard = 64;  // bytes behind each tensor
constexpr std::byte kSentinel{0xA5};
constexpr std::byte kUnwritten{0xFF};  // NaN in every element type

using Surfaces = std::vector<std::unique_ptr<Surface>>;

Surfaces allocate(Device& device, const std::vector<Port>& ports) {
  Surfaces surfaces;
  for (const Port& port : ports) {
    surfaces.push_back(*device.allocate(port.type.bytes() + kGuard));
    const Map map = surfaces.back()->map(Access::write);
    std::ranges::fill(map.bytes(), kUnwritten);
    std::ranges::fill(map.bytes().last(kGuard), kSentinel);
  }
  return surfaces;
}

std::vector<Surface*> pointers(const Surfaces& surfaces) {
  std::vector<Surface*> result;
  for (const auto& surface : surfaces) result.push_back(surface.get());
  return result;
}

void draw(const std::vector<Port>& ports, const Surfaces& surfaces, const Inputs& inputs) {
  Random random(inputs.seed);
  for (size_t i = 0; i < ports.size(); ++i) {
    const Map map = surfaces[i]->map(Access::write);
    for (int64_t e = 0; e < ports[i].type.count(); ++e) {
      const double value = random.normal();
      mil::store_number(ports[i].type.dtype, map.bytes().data(), e, inputs.positive ? std::fabs(value) + 0.25 : value);
    }
  }
}

std::vector<double> numbers(const Port& port, Surface& surface) {
  const Map map = surface.map(Access::read);
  std::vector<double> values(size_t(port.type.count()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = mil::load_number(port.type.dtype, map.bytes().data(), int64_t(i));
  }
  return values;
}

void expect_guards(const std::vector<Port>& ports, const Surfaces& surfaces) {
  for (size_t i = 0; i < ports.size(); ++i) {
    const Map map = surfaces[i]->map(Access::read);
    for (std::byte guard : map.bytes().last(kGuard)) ASSERT_EQ(guard, kSentinel) << "behind " << ports[i].name;
  }
}

// The outputs of the second of two runs.
std::vector<std::vector<double>> run(Device& device, const mil::Function& function, const mil::Weights& weights,
                                     const Inputs& inputs) {
  auto program = device.compile(function, weights);
  EXPECT_TRUE(program) << program.error().message;
  if (!program) return {};
  const Signature& signature = (*program)->signature();
  const Surfaces from = allocate(device, signature.inputs), to = allocate(device, signature.outputs);
  draw(signature.inputs, from, inputs);
  auto request = (*program)->bind(pointers(from), pointers(to));
  EXPECT_TRUE(request) << request.error().message;
  if (!request) return {};
  std::vector<std::vector<double>> first, second;
  for (auto* results : {&first, &second}) {
    EXPECT_TRUE((*request)->run());
    for (size_t i = 0; i < to.size(); ++i) results->push_back(numbers(signature.outputs[i], *to[i]));
  }
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(0, std::memcmp(first[i].data(), second[i].data(), first[i].size() * sizeof(double)))
        << "two runs differ in " << signature.outputs[i].name;
  }
  expect_guards(signature.inputs, from);
  expect_guards(signature.outputs, to);
  return second;
}

double epsilon(Precision precision) {
  if (precision == Precision::fp32) return 0x1p-23;
  return precision == Precision::fp16 ? 0x1p-10 : 0x1p-7;
}

bool close(double expected, double actual, double tolerance) {
  if (!std::isfinite(expected)) return std::isnan(expected) ? std::isnan(actual) : expected == actual;
  return std::fabs(expected - actual) <= tolerance;
}

void expect_close(const std::string& name, const std::vector<double>& expected, const std::vector<double>& actual,
                  double tolerance) {
  ASSERT_EQ(expected.size(), actual.size()) << name;
  double largest = 0;
  for (double value : expected) largest = std::max(largest, std::isfinite(value) ? std::fabs(value) : 0);
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(close(expected[i], actual[i], tolerance * largest))
        << name << "[" << i << "] is " << actual[i] << ", ref has " << expected[i] << ", allowed "
        << tolerance * largest;
  }
}

}  // namespace

std::vector<Target> targets() {
  std::vector<Target> targets;
  for (const std::string& name : device_names()) {
    if (name == "ref" || !open_device(name)) continue;
    for (Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16})
      targets.push_back({name, precision});
  }
  return targets;
}

std::string name_of(const Target& target) {
  std::string name = target.device + "_" + std::string(to_string(target.precision));
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

mil::DType element_type(Precision precision) {
  return precision == Precision::fp32 ? mil::DType::fp32 : mil::DType::fp16;
}

void expect_as_ref(const Target& target, const mil::Function& function, const mil::Weights& weights,
                   const Inputs& inputs, double epsilons) {
  const DeviceOptions options{.precision = target.precision};
  const auto device = open_device(target.device, options), ref = open_device("ref", options);
  ASSERT_TRUE(device && ref);
  const auto expected = run(**ref, function, weights, inputs);
  const auto actual = run(**device, function, weights, inputs);
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string& name = function.value(function.outputs[i]).name;
    expect_close(name, expected[i], actual[i], epsilons * epsilon(target.precision));
  }
}

}  // namespace anemone::conformance
