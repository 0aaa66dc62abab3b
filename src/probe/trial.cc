#include "probe/trial.h"

#include <cmath>

#include "base/check.h"

namespace anemone::probe {
namespace {

Result<std::vector<std::unique_ptr<Surface>>> allocate(Device& device, const std::vector<Port>& ports) {
  std::vector<std::unique_ptr<Surface>> surfaces;
  for (const Port& port : ports) surfaces.push_back(TRY(device.allocate(port.type.bytes())));
  return surfaces;
}

}  // namespace

Numbers rounded(mil::DType dtype, Numbers values) {
  std::byte element[sizeof(double)];
  for (double& value : values) {
    mil::store_number(dtype, element, 0, value);
    value = mil::load_number(dtype, element, 0);
  }
  return values;
}

Result<Trial> Trial::create(Device& device, const mil::Function& function, const mil::Weights& weights) {
  Trial trial;
  trial.program_ = TRY(device.compile(function, weights));
  trial.inputs_ = TRY(allocate(device, trial.signature().inputs));
  trial.outputs_ = TRY(allocate(device, trial.signature().outputs));
  TRY(trial.bind({}));
  return trial;
}

Result<> Trial::bind(const RequestOptions& options) {
  request_ = TRY(program_->bind(inputs(), outputs(), options));
  return {};
}

void Trial::write(size_t input, const Numbers& values) {
  const mil::TensorType& type = signature().inputs[input].type;
  CHECK(std::ssize(values) == type.count());
  const Map map = inputs_[input]->map(Access::write);
  for (size_t i = 0; i < values.size(); ++i) {
    mil::store_number(type.dtype, map.bytes().data(), static_cast<int64_t>(i), values[i]);
  }
}

void Trial::write(const std::vector<Numbers>& values) {
  CHECK(values.size() == inputs_.size());
  for (size_t i = 0; i < values.size(); ++i) write(i, values[i]);
}

Result<RunTime> Trial::run() {
  for (size_t output = 0; output < outputs_.size(); ++output) {
    const mil::TensorType& type = signature().outputs[output].type;
    const Map map = outputs_[output]->map(Access::write);
    for (int64_t i = 0; i < type.count(); ++i) mil::store_number(type.dtype, map.bytes().data(), i, NAN);
  }
  return request_->run();
}

Numbers Trial::read(size_t output) const {
  const mil::TensorType& type = signature().outputs[output].type;
  const Map map = outputs_[output]->map(Access::read);
  Numbers values(static_cast<size_t>(type.count()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = mil::load_number(type.dtype, map.bytes().data(), static_cast<int64_t>(i));
  }
  return values;
}

std::vector<Surface*> Trial::pointers(const Surfaces& surfaces) {
  std::vector<Surface*> list;
  for (const auto& surface : surfaces) list.push_back(surface.get());
  return list;
}

}  // namespace anemone::probe
