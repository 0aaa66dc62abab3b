#include "probe/trial.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/parallel.h"

namespace anemone::probe {
namespace {

Result<std::vector<std::unique_ptr<Surface>>> allocate(Device& device, const std::vector<Port>& ports) {
  std::vector<std::unique_ptr<Surface>> surfaces;
  for (const Port& port : ports) surfaces.push_back(TRY(device.allocate(port.type.bytes())));
  return surfaces;
}

// The first element, then copies of all there are.
void fill_with_nan(const mil::TensorType& type, std::span<std::byte> bytes) {
  const auto total = static_cast<size_t>(type.bytes());
  auto done = total / static_cast<size_t>(type.count());
  mil::store_number(type.dtype, bytes.data(), 0, NAN);
  for (; done < total; done *= 2) std::memcpy(&bytes[done], bytes.data(), std::min(done, total - done));
}

}  // namespace

Numbers rounded(mil::DType dtype, Numbers values) {
  parallel_for(std::ssize(values), 1 << 12, [&](int64_t begin, int64_t end) {
    std::byte element[sizeof(double)];
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      mil::store_number(dtype, element, 0, values[i]);
      values[i] = mil::load_number(dtype, element, 0);
    }
  });
  return values;
}

Numbers joined(Numbers a, const Numbers& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

RunTime operator+(const RunTime& a, const RunTime& b) {
  RunTime sum{.wall = a.wall + b.wall, .modelled = a.modelled || b.modelled};
  if (a.device && b.device) sum.device = *a.device + *b.device;
  return sum;
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
    fill_with_nan(type, map.bytes());
  }
  return request_->run();
}

Numbers Trial::read(size_t output) const {
  const mil::TensorType& type = signature().outputs[output].type;
  const Map map = outputs_[output]->map(Access::read);
  return mil::Tensor::view(type, map.bytes().first(static_cast<size_t>(type.bytes()))).numbers();
}

std::vector<Surface*> Trial::pointers(const Surfaces& surfaces) {
  std::vector<Surface*> list;
  for (const auto& surface : surfaces) list.push_back(surface.get());
  return list;
}

}  // namespace anemone::probe
