// A program compiled and bound to surfaces of its own, to put numbers in and take numbers out.
//
//   Trial trial = TRY(Trial::create(device, function, weights));
//   trial.write(0, x);
//   TRY(trial.run());
//   const Numbers y = trial.read(0);
//
// Before each run every output is NaN, so that what a device leaves as it was is no result.
#pragma once

#include <memory>
#include <vector>

#include "device/device.h"

namespace anemone::probe {

using Numbers = std::vector<double>;

// As elements of that type: each rounded once.
Numbers rounded(mil::DType dtype, Numbers values);
// One after the other.
Numbers joined(Numbers a, const Numbers& b);

// Of runs one after the other.
RunTime operator+(const RunTime& a, const RunTime& b);

class Trial {
 public:
  static Result<Trial> create(Device& device, const mil::Function& function, const mil::Weights& weights = {});

  Program& program() { return *program_; }
  const Signature& signature() const { return program_->signature(); }
  std::vector<Surface*> inputs() const { return pointers(inputs_); }
  std::vector<Surface*> outputs() const { return pointers(outputs_); }

  // The same program, asked to run otherwise.
  Result<> bind(const RequestOptions& options);

  // As many values as the tensor has elements.
  void write(size_t input, const Numbers& values);
  void write(const std::vector<Numbers>& values);  // all inputs
  Result<RunTime> run();
  Numbers read(size_t output) const;

 private:
  using Surfaces = std::vector<std::unique_ptr<Surface>>;
  static std::vector<Surface*> pointers(const Surfaces& surfaces);

  std::unique_ptr<Program> program_;
  Surfaces inputs_, outputs_;
  std::unique_ptr<Request> request_;
};

}  // namespace anemone::probe
