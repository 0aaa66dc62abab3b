#include "model/kernel_call.h"

#include <algorithm>

#include "base/check.h"
#include "base/matrix.h"

namespace anemone::model {
namespace {

using mil::DType;

int64_t width(const mil::TensorType& surface) { return surface.shape[3]; }

size_t count(const Slot& slot) { return static_cast<size_t>(slot.rows * slot.columns); }

// The first element of a slot in mapped memory.
template <class T>
T* at(const Map& map, const mil::TensorType& surface, const Slot& slot) {
  return map.as<T>().data() + slot.row * width(surface) + slot.column;
}

// Writes `from`, transposed or not, into a slot of a surface.
void put(const FloatMatrix& from, bool transposed, const Map& map, const mil::TensorType& surface, const Slot& slot,
         Stores stores) {
  const int64_t stride = width(surface);
  const auto write = [&](auto* to) {
    transposed ? transpose(from, to, stride, stores) : copy(from, to, stride, stores);
  };
  surface.dtype == DType::fp16 ? write(at<Half>(map, surface, slot)) : write(at<float>(map, surface, slot));
}

// A slot's elements from one surface to another of the same type.
template <class T>
void copy_columns(const T* from, int64_t from_stride, T* to, int64_t to_stride, const Slot& slot) {
  if (slot.columns == 1) {
    for (int64_t r = 0; r < slot.rows; ++r) to[r * to_stride] = from[r * from_stride];
  } else {
    for (int64_t r = 0; r < slot.rows; ++r) std::copy_n(from + r * from_stride, slot.columns, to + r * to_stride);
  }
}

// A weight as a constant, by reference: where it is turned or rounded, the device does so.
mil::Tensor bake(const WeightPlace& place, const Config& config, std::span<const float> values) {
  const MatrixShape shape = shape_of(place.weight, config);
  return mil::Tensor::of_floats(place.type,
                                {values.data(), shape.rows, shape.columns, place.transpose && shape.columns > 1});
}

void set_baked(mil::Weights& weights, const Kernel& kernel, const WeightLookup& lookup) {
  if (kernel.source != WeightSource::baked) return;
  for (const WeightPlace& place : kernel.weights) {
    weights.set(place.blob, bake(place, kernel.config, lookup(place.weight)));
  }
}

}  // namespace

WeightLookup layer_weights(const Parameters& parameters, int64_t layer) {
  const auto view = parameters.layer(layer);
  return [view](Weight weight) -> std::span<const float> {
    switch (weight) {
      case Weight::attention_norm:
        return view.attention_norm;
      case Weight::wq:
        return view.wq;
      case Weight::wk:
        return view.wk;
      case Weight::wv:
        return view.wv;
      case Weight::wo:
        return view.wo;
      case Weight::q_norm:
        return view.q_norm;
      case Weight::k_norm:
        return view.k_norm;
      case Weight::ffn_norm:
        return view.ffn_norm;
      case Weight::w1:
        return view.w1;
      case Weight::w3:
        return view.w3;
      case Weight::w2:
        return view.w2;
      case Weight::final_norm:
      case Weight::classifier:
        break;
    }
    CHECK(!"a weight of a layer");
    return {};
  };
}

WeightLookup head_weights(const Parameters& parameters) {
  return [final_norm = parameters.final_norm(), classifier = parameters.classifier()](Weight weight) {
    CHECK(weight == Weight::final_norm || weight == Weight::classifier);
    return std::span<const float>(weight == Weight::final_norm ? final_norm : classifier);
  };
}

Result<std::shared_ptr<Program>> compile(Device& device, const Kernel& kernel, const WeightLookup& lookup) {
  mil::Weights weights = kernel.tables;
  set_baked(weights, kernel, lookup);
  return std::shared_ptr<Program>(TRY(device.compile(kernel.function, weights)));
}

Result<KernelCall> KernelCall::create(Device& device, const Kernel& kernel, std::shared_ptr<Program> program,
                                      SharedSurface input, SharedSurface output) {
  KernelCall call;
  call.kernel_ = &kernel;
  call.input_ = input != nullptr ? std::move(input) : SharedSurface(TRY(device.allocate(kernel.input.bytes())));
  call.output_ = output != nullptr ? std::move(output) : SharedSurface(TRY(device.allocate(kernel.output.bytes())));
  if (program != nullptr) TRY(call.rebind(std::move(program)));
  return call;
}

Result<> KernelCall::rebind(std::shared_ptr<Program> program) {
  program_ = std::move(program);
  request_ = TRY(program_->bind({input_.get()}, {output_.get()}));
  return {};
}

Result<bool> KernelCall::reload(const WeightLookup& lookup) {
  if (program_ == nullptr) return false;
  mil::Weights weights;
  set_baked(weights, *kernel_, lookup);
  return program_->reload(weights);
}

bool KernelCall::refresh(Weight weight, std::span<const float> values, int64_t row, int64_t rows) {
  bool refreshed = true;
  for (const WeightPlace& place : kernel_->weights) {
    if (place.weight != weight) continue;
    if (kernel_->source == WeightSource::baked) {
      refreshed = refreshed && program_ != nullptr && program_->refresh(place.blob, row, rows);
    } else {
      put_rows(place, values, row, rows);
    }
  }
  return refreshed;
}

// Into the slot of a dynamic weight.
void KernelCall::put_rows(const WeightPlace& place, std::span<const float> values, int64_t row, int64_t rows) {
  const int64_t columns = shape_of(place.weight, kernel_->config).columns;
  Slot slot = place.slot;
  (place.transpose ? slot.column : slot.row) += row;
  const Map map = input_->map(Access::write);
  put({values.data() + row * columns, rows, columns, columns}, place.transpose, map, kernel_->input, slot,
      Stores::streamed);
}

void KernelCall::release() {
  request_.reset();
  program_.reset();
}

void KernelCall::stage(const WeightLookup& lookup) {
  if (kernel_->source == WeightSource::baked) return;
  for (const WeightPlace& place : kernel_->weights) {
    put_rows(place, lookup(place.weight), 0, shape_of(place.weight, kernel_->config).rows);
  }
}

void KernelCall::write(std::string_view slot, std::span<const float> values) {
  CHECK(values.size() == count(kernel_->in(slot)));
  write_columns(slot, 0, values);
}

void KernelCall::write_columns(std::string_view slot, int64_t first, std::span<const float> values) {
  Slot to = kernel_->in(slot);
  const int64_t columns = std::ssize(values) / to.rows;
  CHECK(first >= 0 && first + columns <= to.columns && std::ssize(values) == to.rows * columns);
  to.column += first;
  to.columns = columns;
  const Map map = input_->map(Access::write);
  put({values.data(), to.rows, columns, columns}, false, map, kernel_->input, to, Stores::cached);
}

void KernelCall::read(std::string_view slot, std::span<float> values) const {
  const Slot& s = kernel_->out(slot);
  CHECK(values.size() == count(s));
  const Map map = output_->map(Access::read);
  const int64_t stride = width(kernel_->output);
  if (kernel_->output.dtype == DType::fp16) {
    copy(HalfMatrix{at<Half>(map, kernel_->output, s), s.rows, s.columns, stride}, values.data(), s.columns);
  } else {
    copy(FloatMatrix{at<float>(map, kernel_->output, s), s.rows, s.columns, stride}, values.data(), s.columns);
  }
}

std::span<const float> KernelCall::view(std::string_view slot, Buffer<float>& scratch) const {
  const Slot& s = kernel_->out(slot);
  if (kernel_->output.dtype == DType::fp32) {
    const Map map = output_->map(Access::read);
    return {at<float>(map, kernel_->output, s), count(s)};
  }
  if (scratch.size() < count(s)) scratch = Buffer<float>(count(s));
  read(slot, {scratch.data(), count(s)});
  return {scratch.data(), count(s)};
}

void KernelCall::transfer(std::string_view slot, const KernelCall& from, std::string_view first,
                          std::string_view last) {
  const Slot& to = kernel_->in(slot);
  const Slot& begin = from.kernel_->out(first);
  const Slot& end = from.kernel_->out(last);
  const mil::TensorType &source = from.kernel_->output, &target = kernel_->input;
  CHECK(source.dtype == target.dtype && to.column == 0 && to.columns == width(target) && width(source) == to.columns);
  const size_t row_bytes = static_cast<size_t>(width(target)) * mil::bits(target.dtype) / 8;
  const size_t bytes = static_cast<size_t>(end.row + end.rows - begin.row) * row_bytes;
  const Map read = from.output_->map(Access::read);
  const Map write = input_->map(Access::write);
  copy_bytes(read.bytes().data() + static_cast<size_t>(begin.row) * row_bytes, bytes,
             write.bytes().data() + static_cast<size_t>(to.row) * row_bytes);
}

void KernelCall::transfer_columns(std::string_view slot, int64_t first, const KernelCall& from,
                                  std::string_view values) {
  const Slot& source = from.kernel_->out(values);
  Slot to = kernel_->in(slot);
  CHECK(from.kernel_->output.dtype == kernel_->input.dtype && to.rows == source.rows);
  CHECK(first >= 0 && first + source.columns <= to.columns);
  to.column += first;
  const Map read = from.output_->map(Access::read);
  const Map write = input_->map(Access::write);
  const auto copy_elements = [&](auto type) {
    using T = decltype(type);
    const T* data = at<T>(read, from.kernel_->output, source);
    copy_columns(data, width(from.kernel_->output), at<T>(write, kernel_->input, to), width(kernel_->input), source);
  };
  kernel_->input.dtype == DType::fp16 ? copy_elements(Half()) : copy_elements(float());
}

Result<RunTime> KernelCall::run() {
  Result<RunTime> time = request_->run();
  if (!time) return fail("{} failed on the device: {}", kernel_->name, time.error().message);
  return time;
}

}  // namespace anemone::model
