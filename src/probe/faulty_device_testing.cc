#include "probe/faulty_device_testing.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "mil/op.h"

namespace anemone::probe {
namespace {

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation_of(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

// A right result made wrong.
void spoil(Fault fault, const mil::TensorType& type, Surface& surface) {
  if (fault == Fault::none) return;
  const Map map = surface.map(Access::write);
  std::vector<double> values = mil::Tensor::view(type, map.bytes().first(size_t(type.bytes()))).numbers();
  double& middle = values[values.size() / 2];
  if (fault == Fault::zeros) std::ranges::fill(values, 0);
  if (fault == Fault::constant) std::ranges::fill(values, mean_of(values));
  if (fault == Fault::one_off) middle += deviation_of(values);
  if (fault == Fault::not_a_number) middle = NAN;
  for (size_t i = 0; i < values.size(); ++i) {
    mil::store_number(type.dtype, map.bytes().data(), static_cast<int64_t>(i), values[i]);
  }
}

void copy(Surface& from, Surface& to) {
  const Map source = from.map(Access::read), target = to.map(Access::write);
  std::ranges::copy(source.bytes(), target.bytes().begin());
}

using Surfaces = std::vector<std::unique_ptr<Surface>>;

// Runs on surfaces of its own, and copies what the fault lets through.
class FaultyRequest final : public Request {
 public:
  FaultyRequest(const Signature& signature, Fault fault, const std::vector<Surface*>& outputs, Surfaces own,
                std::unique_ptr<Request> request)
      : signature_(signature), fault_(fault), outputs_(outputs), own_(std::move(own)), request_(std::move(request)) {}

  Result<RunTime> run() override {
    if (fault_ == Fault::fails) return fail("status 0x1d");
    if (fault_ != Fault::stale || !time_) time_ = TRY(request_->run());
    for (size_t i = 0; i < outputs_.size() && fault_ != Fault::untouched; ++i) {
      copy(*own_[i], *outputs_[i]);
      spoil(fault_, signature_.outputs[i].type, *outputs_[i]);
    }
    return RunTime{.wall = time_->wall, .device = time_->wall, .modelled = true};
  }

 private:
  const Signature& signature_;
  Fault fault_;
  std::vector<Surface*> outputs_;
  Surfaces own_;  // outputs, and inputs that stand for others
  std::unique_ptr<Request> request_;
  std::optional<RunTime> time_;  // of the last run
};

void swap_first_of_one_size(std::vector<Surface*>& surfaces) {
  for (size_t i = 0; i < surfaces.size(); ++i) {
    for (size_t j = i + 1; j < surfaces.size(); ++j) {
      if (surfaces[i]->bytes() != surfaces[j]->bytes()) continue;
      std::swap(surfaces[i], surfaces[j]);
      return;
    }
  }
}

class FaultyProgram final : public Program {
 public:
  FaultyProgram(Device& device, Fault fault, std::unique_ptr<Program> program)
      : device_(device), fault_(fault), program_(std::move(program)) {}

  const Signature& signature() const override { return program_->signature(); }
  Result<bool> reload(const mil::Weights& weights) override { return program_->reload(weights); }

  Result<std::unique_ptr<Request>> bind(const std::vector<Surface*>& inputs, const std::vector<Surface*>& outputs,
                                        const RequestOptions& options) const override {
    Surfaces own;
    const auto one_like = [&](const Surface& surface) -> Result<Surface*> {
      own.push_back(TRY(device_.allocate(surface.bytes())));
      return own.back().get();
    };
    std::vector<Surface*> from = inputs, to = outputs;
    for (Surface*& surface : to) surface = TRY(one_like(*surface));
    if (fault_ == Fault::inputs_swapped) swap_first_of_one_size(from);
    if (fault_ == Fault::inputs_ignored) {
      for (Surface*& surface : from) surface = TRY(one_like(*surface));
    }
    auto request = TRY(program_->bind(from, to, options));
    return std::make_unique<FaultyRequest>(signature(), fault_, outputs, std::move(own), std::move(request));
  }

 private:
  Device& device_;
  Fault fault_;
  std::unique_ptr<Program> program_;
};

class FaultyDevice final : public Device {
 public:
  FaultyDevice(std::unique_ptr<Device> device, Fault fault, Edit edit)
      : device_(std::move(device)), fault_(fault), edit_(std::move(edit)) {}

  DeviceInfo info() const override { return device_->info(); }
  std::vector<Fact> facts() const override { return device_->facts(); }
  Result<std::unique_ptr<Surface>> allocate(size_t bytes) override { return device_->allocate(bytes); }
  Result<std::unique_ptr<Program>> compile(const mil::Function& function, const mil::Weights& weights) override {
    if (fault_ == Fault::refuses) return fail("InvalidMILProgram");
    mil::Function edited = function;
    mil::Weights edited_weights = weights;
    edit_(edited, edited_weights);
    return std::make_unique<FaultyProgram>(*device_, fault_, TRY(device_->compile(edited, edited_weights)));
  }

 private:
  std::unique_ptr<Device> device_;
  Fault fault_;
  Edit edit_;
};

template <class Change>
void change_argument(mil::Function& function, const std::string& op, const std::string& name, const Change& change) {
  for (mil::Operation& operation : function.operations) {
    if (operation.op->name != op) continue;
    const auto argument = std::ranges::find(operation.arguments, name, &mil::Argument::name);
    if (argument != operation.arguments.end()) change(*argument);
  }
}

}  // namespace

std::string to_string(Fault fault) {
  constexpr const char* kNames[] = {"none",         "zeros",          "constant",       "untouched", "stale", "one_off",
                                    "not_a_number", "inputs_ignored", "inputs_swapped", "refuses",   "fails"};
  return kNames[static_cast<size_t>(fault)];
}

std::unique_ptr<Device> faulty(std::unique_ptr<Device> device, Fault fault) {
  return std::make_unique<FaultyDevice>(std::move(device), fault, [](mil::Function&, mil::Weights&) {});
}

std::unique_ptr<Device> editing(std::unique_ptr<Device> device, Edit edit) {
  return std::make_unique<FaultyDevice>(std::move(device), Fault::none, std::move(edit));
}

void replace_op(mil::Function& function, const std::string& from, const std::string& to) {
  for (mil::Operation& operation : function.operations) {
    if (operation.op->name == from) operation.op = mil::find_op(to);
  }
}

void replace_number(mil::Function& function, double from, double to) {
  for (mil::ValueInfo& value : function.values) {
    if (!value.constant || value.type.count() != 1 || !mil::is_float(value.type.dtype)) continue;
    if (value.constant->number(0) != from) continue;
    value.constant = mil::Tensor::from_numbers(value.type, std::vector<double>{to});
  }
}

void set_flag(mil::Function& function, const std::string& op, const std::string& argument, bool value) {
  const mil::Tensor flag = mil::Tensor::boolean(value);
  const auto id = static_cast<mil::ValueId>(function.values.size());
  function.values.push_back({"", flag.type(), flag, {}});
  change_argument(function, op, argument, [&](mil::Argument& a) { a.values = {id}; });
}

void reverse_argument(mil::Function& function, const std::string& op, const std::string& argument) {
  change_argument(function, op, argument, [](mil::Argument& a) { std::ranges::reverse(a.values); });
}

}  // namespace anemone::probe
