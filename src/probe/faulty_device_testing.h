// Devices that do wrong on purpose, for tests that want to see it noticed.
//
//   const auto device = faulty(open_device("cpu").value(), Fault::zeros);
//   const auto other = editing(open_device("cpu").value(), [](mil::Function& f, mil::Weights&) { replace_op(f, "add",
//   "sub"); });
//
// Their time counts as modelled, so that probes time one run alone.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "device/device.h"

namespace anemone::probe {

enum class Fault : uint8_t {
  none,
  zeros,
  constant,        // everywhere the mean of the right result
  untouched,       // outputs stay as they were
  stale,           // each request's first result for ever
  one_off,         // one element is off by the standard deviation of the result
  not_a_number,    // one element is
  inputs_ignored,  // zeros in their place
  inputs_swapped,  // the first two of one size
  refuses,         // to compile
  fails,           // to run
};
std::string to_string(Fault fault);

std::unique_ptr<Device> faulty(std::unique_ptr<Device> device, Fault fault);

using Edit = std::function<void(mil::Function& function, mil::Weights& weights)>;
// Programs are edited before they are compiled.
std::unique_ptr<Device> editing(std::unique_ptr<Device> device, Edit edit);

// ---- Edits.
void replace_op(mil::Function& function, const std::string& from, const std::string& to);
// In immediate constants of one element.
void replace_number(mil::Function& function, double from, double to);
void set_flag(mil::Function& function, const std::string& op, const std::string& argument, bool value);
void reverse_argument(mil::Function& function, const std::string& op, const std::string& argument);

}  // namespace anemone::probe
