#include "compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "base/random.h"
#include "mil/engine_rules.h"

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

// Normal floats, bools of either kind, integers of −4 to 3 or of 0 to 7.
double drawn(Random& random, mil::DType dtype, bool positive) {
  if (mil::is_float(dtype)) return positive ? std::fabs(random.normal()) + 0.25 : random.normal();
  if (dtype == mil::DType::boolean) return double(random.below(2));
  return double(random.below(8)) - (mil::is_signed_integer(dtype) ? 4 : 0);
}

void fill(const std::vector<Port>& ports, const Surfaces& surfaces, const Inputs& inputs) {
  Random random(inputs.seed);
  for (size_t i = 0; i < ports.size(); ++i) {
    const Map map = surfaces[i]->map(Access::write);
    const mil::DType dtype = ports[i].type.dtype;
    for (int64_t e = 0; e < ports[i].type.count(); ++e) {
      const double value =
          inputs.given.empty() ? drawn(random, dtype, inputs.positive) : inputs.given[i].data[size_t(e)];
      mil::store_number(dtype, map.bytes().data(), e, value);
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

std::vector<Outcome> results_of(const Signature& signature, const Surfaces& from, const Surfaces& to) {
  std::vector<Outcome> results;
  for (size_t i = 0; i < to.size(); ++i) {
    results.push_back({signature.outputs[i], numbers(signature.outputs[i], *to[i])});
  }
  for (size_t i = 0; i < from.size(); ++i) {
    const Port& port = signature.inputs[i];
    if (port.type.state) results.push_back({port, numbers(port, *from[i])});
  }
  return results;
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

bool is_refusal(const mil::Finding& finding) {
  return finding.severity == mil::Severity::error && finding.rule->stage == mil::Stage::compile;
}

bool engine_takes(const mil::Function& function, const mil::Weights& weights) {
  const bool has_states =
      std::ranges::any_of(function.inputs, [&](mil::ValueId id) { return function.value(id).type.state; });
  return !has_states && std::ranges::none_of(mil::engine_findings(function, {}, &weights), is_refusal);
}

}  // namespace

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(
      a, b, [](double x, double y) { return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y); });
}

std::vector<Outcome> run(Device& device, const mil::Function& function, const mil::Weights& weights,
                         const Inputs& inputs) {
  auto program = device.compile(function, weights);
  EXPECT_TRUE(program) << program.error().message;
  if (!program) return {};
  const Signature& signature = (*program)->signature();
  const Surfaces from = allocate(device, signature.inputs), to = allocate(device, signature.outputs);
  auto request = (*program)->bind(pointers(from), pointers(to));
  EXPECT_TRUE(request) << request.error().message;
  if (!request) return {};
  std::vector<Outcome> first, second;
  for (auto* results : {&first, &second}) {
    fill(signature.inputs, from, inputs);
    EXPECT_TRUE((*request)->run());
    *results = results_of(signature, from, to);
  }
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(same_bits(first[i].values, second[i].values)) << "two runs differ in " << first[i].port.name;
  }
  expect_guards(signature.inputs, from);
  expect_guards(signature.outputs, to);
  return second;
}

std::vector<std::string> devices_under_test() {
  if (const char* name = std::getenv("ANEMONE_CONFORMANCE_DEVICE")) return {name};
  return host_device_names();
}

std::vector<Target> targets() {
  std::vector<Target> targets;
  for (const std::string& name : devices_under_test()) {
    for (Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16}) {
      if (name != "ref" && open_device(name, {.precision = precision})) targets.push_back({name, precision});
    }
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
  if (target.device == "ane" && !engine_takes(function, weights)) {
    EXPECT_FALSE((*device)->compile(function, weights)) << "the engine refuses this program";
    return;
  }
  const auto expected = run(**ref, function, weights, inputs);
  const auto actual = run(**device, function, weights, inputs);
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const Port& port = expected[i].port;
    const double allowed = mil::is_float(port.type.dtype) ? epsilons * epsilon(target.precision) : 0;
    expect_close(port.name, expected[i].values, actual[i].values, allowed);
  }
}

}  // namespace anemone::conformance
