// The functions of anemone/bridge.h: arguments checked, errors kept for ane_bridge_last_error(), exceptions stopped.
#include <anemone/bridge.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <type_traits>

#include "bridge/kernel.h"
#include "bridge/quantize.h"
#include "bridge/session.h"
#include "mil/blob.h"

using anemone::fail;
using anemone::Result;
using anemone::bridge::Kernel;
using anemone::bridge::Session;
using anemone::bridge::Sizes;
using anemone::bridge::Source;
using anemone::mil::checked_bytes;
using anemone::mil::DType;
using anemone::mil::Tensor;
using anemone::mil::TensorType;

struct ANEKernelHandle {
  std::unique_ptr<Kernel> kernel;
};

namespace {

thread_local std::string last_error;
thread_local std::string device_name;

Session& session() {
  static Session instance;
  return instance;
}

// Whether `call`, which returns a Result<>, succeeded. What it says otherwise is kept.
template <class Call>
bool succeeds(Call call) {
  last_error.clear();
  try {
    Result<> result = call();
    if (!result) last_error = std::move(result.error().message);
    return result.has_value();
  } catch (const std::bad_alloc&) {
    last_error = "out of memory";
  } catch (const std::exception& exception) {
    last_error = exception.what();
  }
  return false;
}

// ---- arguments

Result<> check_pointer(const void* pointer, std::string_view what) {
  if (pointer == nullptr) return fail("{} is NULL", what);
  return {};
}

Result<Kernel*> kernel_of(ANEKernelHandle* handle) {
  TRY(check_pointer(handle, "the kernel"));
  return handle->kernel.get();
}

// An array and its length, which come as two arguments; no array is needed where it is empty.
template <class T, class Count>
Result<std::span<T>> array(T* data, Count count, std::string_view what) {
  if (count == 0) return std::span<T>();
  if constexpr (std::is_signed_v<Count>) {
    if (count < 0) return fail("{}: there cannot be {} of them", what, count);
  }
  TRY(check_pointer(data, what));
  return std::span<T>(data, static_cast<size_t>(count));
}

Result<std::span<const std::byte>> byte_array(const void* data, size_t bytes, std::string_view what) {
  return array(static_cast<const std::byte*>(data), bytes, what);
}

Result<std::string_view> text_of(const char* text, size_t length) {
  TRY(check_pointer(text, "mil_text"));
  return std::string_view(text, length);
}

Result<std::vector<size_t>> sizes_of(const size_t* sizes, int count, std::string_view what) {
  const std::span<const size_t> given = TRY(array(sizes, count, what));
  return std::vector<size_t>(given.begin(), given.end());
}

Result<> add_file(Source& source, const char* name, const uint8_t* data, size_t bytes) {
  TRY(check_pointer(name, "the name of a weight file"));
  const std::string path = anemone::bridge::model_path(name);
  for (const auto& file : source.files) {
    if (file.path == path) return fail("weight file {} is given twice", path);
  }
  const auto content = TRY(byte_array(data, bytes, path));
  source.files.push_back({path, content});
  return {};
}

// `describe(source, sizes)` reads what is to be compiled.
template <class Describe>
ANEKernelHandle* compile(Describe describe) {
  ANEKernelHandle* handle = nullptr;
  succeeds([&]() -> Result<> {
    Source source;
    Sizes sizes;
    TRY(describe(source, sizes));
    std::unique_ptr<Kernel> kernel = TRY(session().compile(source, sizes));
    handle = new ANEKernelHandle{std::move(kernel)};
    return {};
  });
  return handle;
}

// ---- weight files

// The file of the tensor that `make(elements)` returns, in memory that free() releases.
template <class Make>
uint8_t* build_file(const void* src, int rows, int cols, size_t* out_len, Make make) {
  uint8_t* copy = nullptr;
  succeeds([&]() -> Result<> {
    TRY(check_pointer(src, "src"));
    TRY(check_pointer(out_len, "out_len"));
    if (rows < 1 || cols < 1) return fail("a matrix of {} rows and {} columns has no elements", rows, cols);
    const Tensor tensor = TRY(make(TRY(checked_bytes({DType::int8, {rows, cols}}))));  // a byte an element
    const std::vector<std::byte> file = TRY(anemone::mil::write_blob(tensor));
    copy = static_cast<uint8_t*>(std::malloc(file.size()));
    if (copy == nullptr) return fail("out of memory: {} bytes are not there", file.size());
    std::memcpy(copy, file.data(), file.size());
    *out_len = file.size();
    return {};
  });
  return copy;
}

uint8_t* build_half_file(const float* src, int rows, int cols, bool transposed, size_t* out_len) {
  return build_file(src, rows, cols, out_len, [&](size_t) -> Result<Tensor> {
    const TensorType type{DType::fp16, transposed ? anemone::mil::Shape{cols, rows} : anemone::mil::Shape{rows, cols}};
    return Tensor::of_floats(type, {src, rows, cols, transposed});
  });
}

Tensor int8_tensor(std::span<const int8_t> values, int rows, int cols) {
  return Tensor::view({DType::int8, {rows, cols}}, std::as_bytes(values));
}

// `scales` takes one float a channel.
uint8_t* build_quantized_file(const float* src, int rows, int cols, int channels, float* scales, size_t* out_len) {
  anemone::bridge::Quantized quantized;
  uint8_t* file = build_file(src, rows, cols, out_len, [&](size_t elements) -> Result<Tensor> {
    TRY(check_pointer(scales, "the memory for scales"));
    quantized = TRY(anemone::bridge::quantize({src, elements}, static_cast<size_t>(channels)));
    return int8_tensor(quantized.values, rows, cols);
  });
  if (file != nullptr) std::ranges::copy(quantized.scales, scales);
  return file;
}

}  // namespace

extern "C" {

int ane_bridge_abi_version(void) { return ANE_BRIDGE_ABI_VERSION; }

const char* ane_bridge_last_error(void) { return last_error.c_str(); }

int ane_bridge_init(void) {
  return succeeds([] { return session().open_default(); }) ? 0 : -1;
}

int ane_bridge_init_device(const char* device) {
  const bool opened = succeeds([&]() -> Result<> {
    TRY(check_pointer(device, "the device's name"));
    return session().open(device);
  });
  return opened ? 0 : -1;
}

const char* ane_bridge_device(void) {
  device_name = session().device_name();
  return device_name.c_str();
}

ANEKernelHandle* ane_bridge_compile(const char* mil_text, size_t mil_len, const uint8_t* weight_data, size_t weight_len,
                                    int n_inputs, const size_t* input_sizes, int n_outputs,
                                    const size_t* output_sizes) {
  const char* name = "weights/weight.bin";
  return ane_bridge_compile_multi_weights(mil_text, mil_len, &name, &weight_data, &weight_len,
                                          weight_data == nullptr ? 0 : 1, n_inputs, input_sizes, n_outputs,
                                          output_sizes);
}

ANEKernelHandle* ane_bridge_compile_multi_weights(const char* mil_text, size_t mil_len, const char** weight_names,
                                                  const uint8_t** weight_datas, const size_t* weight_lens,
                                                  int n_weights, int n_inputs, const size_t* input_sizes, int n_outputs,
                                                  const size_t* output_sizes) {
  return compile([&](Source& source, Sizes& sizes) -> Result<> {
    source.text = TRY(text_of(mil_text, mil_len));
    const auto names = TRY(array(weight_names, n_weights, "weight_names"));
    const auto datas = TRY(array(weight_datas, n_weights, "weight_datas"));
    const auto lens = TRY(array(weight_lens, n_weights, "weight_lens"));
    for (size_t i = 0; i < names.size(); ++i) TRY(add_file(source, names[i], datas[i], lens[i]));
    sizes.inputs = TRY(sizes_of(input_sizes, n_inputs, "input_sizes"));
    sizes.outputs = TRY(sizes_of(output_sizes, n_outputs, "output_sizes"));
    return {};
  });
}

ANEKernelHandle* ane_bridge_compile_dyn(const char* mil_text, size_t mil_len, int n_inputs, const size_t* input_sizes,
                                        int n_weights, const size_t* weight_sizes, size_t output_size) {
  return compile([&](Source& source, Sizes& sizes) -> Result<> {
    source.text = TRY(text_of(mil_text, mil_len));
    sizes.inputs = TRY(sizes_of(input_sizes, n_inputs, "input_sizes"));
    sizes.weights = TRY(sizes_of(weight_sizes, n_weights, "weight_sizes"));
    sizes.outputs = {output_size};
    return {};
  });
}

void ane_bridge_free(ANEKernelHandle* kernel) { delete kernel; }

int ane_bridge_get_compile_count(void) { return session().compiles(); }

void ane_bridge_reset_compile_count(void) { session().reset_compiles(); }

void ane_bridge_clear_cache(void) { session().forget_programs(); }

bool ane_bridge_eval(ANEKernelHandle* kernel) {
  return succeeds([&]() -> Result<> { return TRY(kernel_of(kernel))->run(); });
}

void ane_bridge_write_input(ANEKernelHandle* kernel, int idx, const void* data, size_t bytes) {
  succeeds(
      [&]() -> Result<> { return TRY(kernel_of(kernel))->write_input(idx, TRY(byte_array(data, bytes, "data"))); });
}

void ane_bridge_read_output(ANEKernelHandle* kernel, int idx, void* data, size_t bytes) {
  succeeds([&]() -> Result<> {
    return TRY(kernel_of(kernel))->read_output(idx, TRY(array(static_cast<std::byte*>(data), bytes, "data")));
  });
}

void ane_bridge_write_weight(ANEKernelHandle* kernel, int idx, const void* fp16_data, size_t bytes) {
  succeeds([&]() -> Result<> {
    return TRY(kernel_of(kernel))->write_weight(idx, TRY(byte_array(fp16_data, bytes, "fp16_data")));
  });
}

void ane_bridge_write_weight_f32(ANEKernelHandle* kernel, int idx, const float* fp32_data, size_t count) {
  succeeds([&]() -> Result<> {
    return TRY(kernel_of(kernel))->write_weight(idx, TRY(array(fp32_data, count, "fp32_data")));
  });
}

void ane_bridge_copy_io(ANEKernelHandle* src, int src_out_idx, ANEKernelHandle* dst, int dst_in_idx) {
  succeeds(
      [&]() -> Result<> { return Kernel::copy(*TRY(kernel_of(src)), src_out_idx, *TRY(kernel_of(dst)), dst_in_idx); });
}

bool ane_bridge_begin_realtime(void) {
  return succeeds([] { return session().set_real_time(true); });
}

void ane_bridge_end_realtime(void) {
  succeeds([] { return session().set_real_time(false); });
}

uint8_t* ane_bridge_build_weight_blob(const float* src, int rows, int cols, size_t* out_len) {
  return build_half_file(src, rows, cols, false, out_len);
}

uint8_t* ane_bridge_build_weight_blob_transposed(const float* src, int rows, int cols, size_t* out_len) {
  return build_half_file(src, rows, cols, true, out_len);
}

uint8_t* ane_bridge_build_weight_blob_int8(const int8_t* src, int rows, int cols, size_t* out_len) {
  return build_file(src, rows, cols, out_len, [&](size_t elements) -> Result<Tensor> {
    return int8_tensor({src, elements}, rows, cols);
  });
}

uint8_t* ane_bridge_build_weight_blob_quantized(const float* src, int rows, int cols, float* out_scale,
                                                size_t* out_len) {
  return build_quantized_file(src, rows, cols, 1, out_scale, out_len);
}

uint8_t* ane_bridge_build_weight_blob_quantized_per_channel(const float* src, int rows, int cols, float* out_scales,
                                                            size_t* out_len) {
  return build_quantized_file(src, rows, cols, rows, out_scales, out_len);
}

void ane_bridge_free_blob(void* ptr) { std::free(ptr); }

}  // extern "C"
