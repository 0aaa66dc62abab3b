// Programs in MIL compiled and run on a device, from C and from whatever calls C. Needs C99, or C++.
//
//   if (ane_bridge_init_device("sim:m4") != 0) return fail(ane_bridge_last_error());
//   size_t in = 64 * 16 * sizeof(uint16_t), out = in;               // tensor<fp16, [1, 64, 1, 16]>
//   ANEKernelHandle *kernel = ane_bridge_compile(mil, strlen(mil), NULL, 0, 1, &in, 1, &out);
//   if (kernel == NULL) return fail(ane_bridge_last_error());
//   ane_bridge_write_input(kernel, 0, x, in);
//   if (!ane_bridge_eval(kernel)) return fail(ane_bridge_last_error());
//   ane_bridge_read_output(kernel, 0, y, out);
//   ane_bridge_free(kernel);
//
// Functions of the names that maderix/ANE's ane_bridge.h has (d91c984, and its pull request with dynamic weights) have
// its signatures, so that programs written for it link with this library. (ane_bridge_begin_realtime() returned
// nothing there.)
//
// Errors. A function that fails says so by its result, where it has one, and always by ane_bridge_last_error(). It has
// then changed nothing, but for the outputs of an evaluation that a device broke off. Nothing is printed, and no C++
// exception leaves the library.
//
// Units. Sizes and lengths are bytes, counts are elements. Tensors are packed, row-major, in the element type that the
// program declares and in the machine's byte order.
//
// Threads. Every function may be called from any thread at any time; the text of the last error is each thread's own.
// Calls on one kernel take turns, those on distinct kernels run side by side, compilations take turns. A kernel must
// not be freed while another call uses it.
//
// Ownership. What a caller passes is copied, and may go once the call has returned. A kernel is the caller's until
// ane_bridge_free(), a blob until ane_bridge_free_blob().
#ifndef ANEMONE_BRIDGE_H
#define ANEMONE_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ANE_BRIDGE_API __attribute__((visibility("default")))
#else
#define ANE_BRIDGE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

// Of this header. It grows whenever a function here changes or goes; functions may be added without.
#define ANE_BRIDGE_ABI_VERSION 1

// A compiled program with memory for its inputs and outputs.
typedef struct ANEKernelHandle ANEKernelHandle;

// ---- the library and its device

// Of the library that is loaded, which should be that of the header.
ANE_BRIDGE_API int ane_bridge_abi_version(void);

// Why this thread's last call failed, or "" where it did not; calls that cannot fail leave it as it is. Never NULL;
// valid until this thread's next call.
ANE_BRIDGE_API const char* ane_bridge_last_error(void);

// Opens a device, unless there is one: that which the environment variable ANEMONE_DEVICE names, else `ane`, the Neural
// Engine, where there is one, else `cpu`. 0, or -1 where the device does not open.
ANE_BRIDGE_API int ane_bridge_init(void);

// The same with the device named: "cpu", "ref", "sim:" and a chip ("sim:m4"), or "ane". Where another device is open,
// this one takes its place for programs compiled from now on; kernels stay where they are. A device that is opened
// starts the compile count at 0.
ANE_BRIDGE_API int ane_bridge_init_device(const char* device);

// The name of the device that programs are compiled for, "" before there is one. Valid until this thread's next call.
ANE_BRIDGE_API const char* ane_bridge_device(void);

// ---- compiling: NULL on failure

// Compiles the function `main`, or the only one there is, of a program in MIL.
//
// mil_text      UTF-8, mil_len bytes; it need not end with a zero
// weight_data   the weight file that the program calls @model_path/weights/weight.bin, or NULL
// n_inputs      as many as the function has; input i is the function's i-th as its text lists them, output i the i-th
//               result. (The engine itself binds by name; where names are in alphabetical order, both agree.)
// input_sizes   of the memory of each input: what its tensor needs, or more, as engines may ask for
// output_sizes  likewise
//
// Fails before ane_bridge_init(), and where the text is no valid program, a weight is missing or misshapen, counts or
// sizes do not fit the function, or the device refuses the program.
ANE_BRIDGE_API ANEKernelHandle* ane_bridge_compile(const char* mil_text, size_t mil_len, const uint8_t* weight_data,
                                                   size_t weight_len, int n_inputs, const size_t* input_sizes,
                                                   int n_outputs, const size_t* output_sizes);

// The same with n_weights weight files, each under its name in the program, "@model_path/weights/wq.bin"; the part
// "@model_path/" may be left out. Files that the program does not name are passed over.
ANE_BRIDGE_API ANEKernelHandle* ane_bridge_compile_multi_weights(const char* mil_text, size_t mil_len,
                                                                 const char** weight_names,
                                                                 const uint8_t** weight_datas,
                                                                 const size_t* weight_lens, int n_weights, int n_inputs,
                                                                 const size_t* input_sizes, int n_outputs,
                                                                 const size_t* output_sizes);

// The same with weights that change without compiling again: the function's last n_weights inputs, after n_inputs
// others. They are zeros until ane_bridge_write_weight(). One output.
ANE_BRIDGE_API ANEKernelHandle* ane_bridge_compile_dyn(const char* mil_text, size_t mil_len, int n_inputs,
                                                       const size_t* input_sizes, int n_weights,
                                                       const size_t* weight_sizes, size_t output_size);

// Unloads the program and releases its memory. NULL is none.
ANE_BRIDGE_API void ane_bridge_free(ANEKernelHandle* kernel);

// How many programs the device has compiled since it was opened or the count was reset. The last 32 programs without
// weight files are kept, whether freed or not: the same text is then not compiled, nor counted, again.
ANE_BRIDGE_API int ane_bridge_get_compile_count(void);
ANE_BRIDGE_API void ane_bridge_reset_compile_count(void);

// Forgets the programs that are kept; those that kernels use live on.
ANE_BRIDGE_API void ane_bridge_clear_cache(void);

// ---- running

// Runs the program and returns when its outputs are there. False on failure.
ANE_BRIDGE_API bool ane_bridge_eval(ANEKernelHandle* kernel);

// Copies into an input, and from an output. Fails, with nothing copied, where there is no input or output `idx`, or
// where `bytes` is less than its tensor or more than its memory.
ANE_BRIDGE_API void ane_bridge_write_input(ANEKernelHandle* kernel, int idx, const void* data, size_t bytes);
ANE_BRIDGE_API void ane_bridge_read_output(ANEKernelHandle* kernel, int idx, void* data, size_t bytes);

// Copies into weight `idx` of ane_bridge_compile_dyn(), as ane_bridge_write_input() does.
ANE_BRIDGE_API void ane_bridge_write_weight(ANEKernelHandle* kernel, int idx, const void* fp16_data, size_t bytes);

// Rounds `count` floats, one for each element, to the weight's type: fp16 or fp32. To the nearest, ties to even;
// magnitudes from 65520 up become infinite in fp16. Fails where the count or the type is another.
ANE_BRIDGE_API void ane_bridge_write_weight_f32(ANEKernelHandle* kernel, int idx, const float* fp32_data, size_t count);

// Copies an output of `src` to an input of `dst`, which may be the same kernel. Fails where their tensors have not as
// many bytes.
ANE_BRIDGE_API void ane_bridge_copy_io(ANEKernelHandle* src, int src_out_idx, ANEKernelHandle* dst, int dst_in_idx);

// What runs until ane_bridge_end_realtime() runs by the engine's real-time call, on `ane`, and as the engine is known
// to do so, on `sim:` of an M4. True says that, not that the engine granted the task: it refuses that to every process
// that was seen to ask, maybe for want of an entitlement, and runs the call all the same. False, with nothing changed,
// where the device has no such call, or where a task has begun already. Ending fails where none has begun; another
// device ends it.
ANE_BRIDGE_API bool ane_bridge_begin_realtime(void);
ANE_BRIDGE_API void ane_bridge_end_realtime(void);

// ---- weight files: one blob, whose metadata stands at offset 64 (BLOBFILE's offset) and whose data at 128
//
// All take rows x cols elements, row-major, set *out_len to the file's length, and return NULL on failure: where a
// pointer is NULL, rows or cols is below 1, or memory is short. A file is memory of malloc(): free() releases it as
// well as ane_bridge_free_blob() does, where the caller and this library share an allocator.

// fp16, rounded as ane_bridge_write_weight_f32() does: [rows, cols], or [cols, rows] where transposed.
ANE_BRIDGE_API uint8_t* ane_bridge_build_weight_blob(const float* src, int rows, int cols, size_t* out_len);
ANE_BRIDGE_API uint8_t* ane_bridge_build_weight_blob_transposed(const float* src, int rows, int cols, size_t* out_len);

// int8, as it is, for constexpr_affine_dequantize. A complete file, unlike the seed's, which began with the metadata:
// its offset is 64 too.
ANE_BRIDGE_API uint8_t* ane_bridge_build_weight_blob_int8(const int8_t* src, int rows, int cols, size_t* out_len);

// int8, q = round(x / scale), ties away from zero, with one scale for the whole tensor: max|x| / 127, or 1 where all is
// zero. *out_scale takes that one float: the signature leaves room for no more, whatever the seed's header said of
// channels. Fails where an element is infinite or no number.
ANE_BRIDGE_API uint8_t* ane_bridge_build_weight_blob_quantized(const float* src, int rows, int cols, float* out_scale,
                                                               size_t* out_len);

// The same with a scale for each row, the output channel: out_scales takes `rows` floats. In the program they are the
// scale, [rows], of constexpr_affine_dequantize with axis 0.
ANE_BRIDGE_API uint8_t* ane_bridge_build_weight_blob_quantized_per_channel(const float* src, int rows, int cols,
                                                                           float* out_scales, size_t* out_len);

// Releases a weight file built here. NULL is none.
ANE_BRIDGE_API void ane_bridge_free_blob(void* ptr);

#ifdef __cplusplus
}
#endif

#endif  // ANEMONE_BRIDGE_H
