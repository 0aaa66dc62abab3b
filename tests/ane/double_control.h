// The double of the framework as the tests of this folder see it.
//
//   class MyTest : public WithDouble {};
//   TEST_F(MyTest, …) { double_().fail("loadWithQoS:options:error:", 1, "error"); … device() … }
#pragma once

#include <gmock/gmock.h>

#include <filesystem>
#include <set>
#include <string>

#include "device/device.h"
#include "double/control.h"
#include "mil/builder.h"

namespace anemone {

// The functions of double/control.h, looked up in the library that the device opened.
struct Double {
  decltype(&ane_double_reset) reset;
  decltype(&ane_double_fail) fail;
  decltype(&ane_double_calls) calls;
  decltype(&ane_double_call) call;
  decltype(&ane_double_live) live;
  decltype(&ane_double_compiles) compiles;
  decltype(&ane_double_set_budget) set_budget;
  decltype(&ane_double_set_statistics) set_statistics;
  decltype(&ane_double_set_entitled) set_entitled;
  decltype(&ane_double_set_computing) set_computing;
};
const Double& ane_double();

// What stands in the temporary folder of the tests, but for locks and what tests wrote themselves.
std::set<std::string> left_behind();

// A device on the double, with a temporary folder of its own. At the end nothing may be left, in memory or on disk.
class WithDouble : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  Device& device() { return *device_; }
  void close() { device_.reset(); }
  std::unique_ptr<Device> device_;
};

// y = 2 x, of [1, 8, 1, 32], with the factor in a weight file.
struct Doubling {
  mil::Function function;
  mil::Weights weights;

  explicit Doubling(double factor = 2);
};

// A device's surfaces for a program, and pointers to them.
struct Bound {
  std::vector<std::unique_ptr<Surface>> inputs, outputs;

  Bound(Device& device, const Program& program);
  std::vector<Surface*> in() const;
  std::vector<Surface*> out() const;
};

void fill(Surface& surface, double value, int64_t count);  // halves
double at(Surface& surface, int64_t i);

// Compiles, binds, fills with 3, runs; what comes out first, or the error.
Result<double> run_once(Device& device, const Doubling& program, const RequestOptions& options = {});

}  // namespace anemone
