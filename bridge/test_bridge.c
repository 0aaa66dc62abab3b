// Checks the C interface as its clients see it: by its header alone, on any device.
//
//   test_bridge [DEVICE]     the device is else ANEMONE_DEVICE's, else `ane` where it is, else `cpu`
//
// Prints each check, then `=== Results: p passed, f failed ===`; exit 1 where one failed.
#include <anemone/bridge.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kDim = 64, kSeq = 16, kMatrix = kDim * kDim, kActivations = kDim * kSeq };

static int passed, failed;

static void check(bool condition, const char* what) {
  if (condition) {
    ++passed;
  } else {
    ++failed;
  }
  printf("  %s: %s\n", condition ? "PASS" : "FAIL", what);
}

static bool no_error(void) { return ane_bridge_last_error()[0] == '\0'; }

// The last call failed, and says this among other things.
static bool error_says(const char* words) {
  const bool said = strstr(ane_bridge_last_error(), words) != NULL;
  if (!said) printf("    \"%s\" does not say \"%s\"\n", ane_bridge_last_error(), words);
  return said;
}

// ---- half precision, of the integers and halves that the checks use

static uint16_t half_of(float value) {
  if (value == 0) return 0;
  int exponent;
  const float mantissa = frexpf(fabsf(value), &exponent);  // 0.5 up to 1
  const unsigned fraction = (unsigned)((mantissa * 2 - 1) * 1024);
  return (uint16_t)((value < 0 ? 0x8000u : 0u) | (unsigned)(exponent + 14) << 10 | fraction);
}

static float float_of(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const float magnitude =
      exponent == 0 ? ldexpf((float)(half & 1023), -24) : ldexpf((float)(1024 + (half & 1023)), exponent - 25);
  return half >> 15 != 0 ? -magnitude : magnitude;
}

// `count` halves of one value; the caller frees them.
static uint16_t* halves(size_t count, float value) {
  uint16_t* data = malloc(count * sizeof *data);
  if (data == NULL) abort();
  for (size_t i = 0; i < count; ++i) data[i] = half_of(value);
  return data;
}

static bool all_are(const uint16_t* data, size_t count, float value) {
  for (size_t i = 0; i < count; ++i) {
    if (float_of(data[i]) == value) continue;
    printf("    element %d is %g, not %g\n", (int)i, float_of(data[i]), value);
    return false;
  }
  return true;
}

static float sum(const uint16_t* data, size_t count) {
  float total = 0;
  for (size_t i = 0; i < count; ++i) total += float_of(data[i]);
  return total;
}

// ---- programs

#define BEGIN(inputs) "program(1.3)\n{\n    func main<ios18>(" inputs ") {\n"
#define END(outputs) "    } -> (" outputs ");\n}\n"
#define ACTIVATIONS "tensor<fp16, [1, 64, 1, 16]>"
#define WEIGHTS "tensor<fp16, [64, 64, 1, 1]>"
#define SQUARE "tensor<fp16, [1, 1, 64, 64]>"
#define BLOB(path) "(BLOBFILE(path = string(\"@model_path/weights/" path "\"), offset = uint64(64)))"

#define CONV_CONSTANTS                                                                                \
  "string pt = const()[name = string(\"pt\"), val = string(\"valid\")];\n"                            \
  "tensor<int32, [2]> st = const()[name = string(\"st\"), val = tensor<int32, [2]>([1, 1])];\n"       \
  "tensor<int32, [4]> pd = const()[name = string(\"pd\"), val = tensor<int32, [4]>([0, 0, 0, 0])];\n" \
  "int32 gr = const()[name = string(\"gr\"), val = int32(1)];\n"
#define CONV(out, weight, in)                                                                                        \
  ACTIVATIONS " " out " = conv(dilations = st, groups = gr, pad = pd, pad_type = pt, strides = st, weight = " weight \
              ", x = " in ")[name = string(\"" out "\")];\n"
#define WEIGHT(name, path) WEIGHTS " " name " = const()[name = string(\"" name "\"), val = " WEIGHTS BLOB(path) "];\n"

static const char kScale[] =  // y = 2x
    BEGIN(ACTIVATIONS " x") "fp16 two = const()[name = string(\"two\"), val = fp16(0x1p+1)];\n" ACTIVATIONS
                            " y = mul(x = x, y = two)[name = string(\"y\")];\n" END("y");

static const char kLinear[] =  // y = Wx
    BEGIN(ACTIVATIONS " x") CONV_CONSTANTS WEIGHT("w", "weight.bin") CONV("y", "w", "x") END("y");

static const char kTwoWeights[] =  // a = Ux, b = Vx
    BEGIN(ACTIVATIONS " x") CONV_CONSTANTS WEIGHT("u", "u.bin") WEIGHT("v", "v.bin") CONV("a", "u", "x")
        CONV("b", "v", "x") END("a, b");

static const char kDynamic[] =  // out = act weight; the weight is an input
    BEGIN(SQUARE " act, " SQUARE " weight") "bool no = const()[name = string(\"no\"), val = bool(false)];\n" SQUARE
                                            " out = matmul(transpose_x = no, transpose_y = no, x = act, y = "
                                            "weight)[name = string(\"out\")];\n" END("out");

#define DEQUANTIZED(scale)                                                         \
  BEGIN(ACTIVATIONS " x")                                                          \
  CONV_CONSTANTS WEIGHTS                                                           \
      " w = constexpr_affine_dequantize()[axis = int32(0), name = string(\"w\"), " \
      "quantized_data = tensor<int8, [64, 64, 1, 1]>" BLOB(                        \
          "weight.bin") ", scale = " scale ", zero_point = int8(0)];\n" CONV("y", "w", "x") END("y")

static const size_t kBytes = kActivations * sizeof(uint16_t);
static const size_t kSquareBytes = kMatrix * sizeof(uint16_t);

static ANEKernelHandle* compile(const char* mil, const uint8_t* weight, size_t weight_len) {
  return ane_bridge_compile(mil, strlen(mil), weight, weight_len, 1, &kBytes, 1, &kBytes);
}

static ANEKernelHandle* compile_scale(void) { return compile(kScale, NULL, 0); }

static ANEKernelHandle* compile_dynamic(void) {
  return ane_bridge_compile_dyn(kDynamic, strlen(kDynamic), 1, &kSquareBytes, 1, &kSquareBytes, kSquareBytes);
}

// A diagonal matrix; the caller frees it.
static float* diagonal(float value) {
  float* matrix = calloc(kMatrix, sizeof *matrix);
  if (matrix == NULL) abort();
  for (int i = 0; i < kDim; ++i) matrix[i * kDim + i] = value;
  return matrix;
}

// Runs a kernel of one input, all `x`, into `y`.
static bool run(ANEKernelHandle* kernel, float x, uint16_t* y) {
  uint16_t* input = halves(kActivations, x);
  ane_bridge_write_input(kernel, 0, input, kBytes);
  bool done = no_error() && ane_bridge_eval(kernel);
  if (done) ane_bridge_read_output(kernel, 0, y, kBytes);
  if (!no_error()) printf("    %s\n", ane_bridge_last_error());
  done = done && no_error();
  free(input);
  return done;
}

// ---- checks

static bool test_init(const char* device) {
  printf("\n[1] init\n");
  check(ane_bridge_abi_version() == ANE_BRIDGE_ABI_VERSION, "the library's ABI is the header's");
  check(compile_scale() == NULL && error_says("ane_bridge_init"), "nothing compiles before init");
  check(ane_bridge_init_device("no such device") == -1 && error_says("no such device"), "an unknown device is refused");
  check(ane_bridge_init_device(NULL) == -1 && error_says("NULL"), "no device's name is refused");
  check(ane_bridge_device()[0] == '\0', "no device is open yet");
  const int opened = device != NULL ? ane_bridge_init_device(device) : ane_bridge_init();
  check(opened == 0 && no_error(), "the device opens");
  if (opened != 0) {
    printf("    %s\n", ane_bridge_last_error());
    return false;
  }
  printf("    device: %s\n", ane_bridge_device());
  check(ane_bridge_init() == 0, "init is idempotent");
  check(device == NULL || strcmp(ane_bridge_device(), device) == 0, "it leaves the device that is open");
  check(ane_bridge_get_compile_count() == 0, "the compile count begins at 0");
  return true;
}

static void test_compile(void) {
  printf("\n[2] compile\n");
  ANEKernelHandle* scale = compile_scale();
  check(scale != NULL && no_error(), "a program without weights compiles");
  check(ane_bridge_get_compile_count() == 1, "the compile count is 1");
  uint16_t* y = halves(kActivations, 0);
  check(run(scale, 3, y) && all_are(y, kActivations, 6), "2 * 3 = 6");
  ane_bridge_free(scale);

  float* identity = diagonal(3);
  size_t length = 0;
  uint8_t* blob = ane_bridge_build_weight_blob(identity, kDim, kDim, &length);
  ANEKernelHandle* linear = compile(kLinear, blob, length);
  check(linear != NULL && no_error(), "a program with a weight file compiles");
  check(ane_bridge_get_compile_count() == 2, "the compile count is 2");
  ane_bridge_free_blob(blob);
  check(run(linear, 2, y) && all_are(y, kActivations, 6), "(3I) 2 = 6, the file being freed");
  ane_bridge_reset_compile_count();
  check(ane_bridge_get_compile_count() == 0, "the compile count is reset");
  ane_bridge_free(linear);
  free(identity);
  free(y);
}

static void test_multi_weights(void) {
  printf("\n[3] compile with several weight files\n");
  float *one = diagonal(1), *four = diagonal(4);
  size_t lengths[2] = {0, 0};
  uint8_t* u = ane_bridge_build_weight_blob(one, kDim, kDim, &lengths[0]);
  uint8_t* v = ane_bridge_build_weight_blob(four, kDim, kDim, &lengths[1]);
  const char* names[] = {"@model_path/weights/u.bin", "weights/v.bin"};
  const uint8_t* datas[] = {u, v};
  const size_t outputs[] = {kBytes, kBytes};
  ANEKernelHandle* kernel = ane_bridge_compile_multi_weights(kTwoWeights, strlen(kTwoWeights), names, datas, lengths, 2,
                                                             1, &kBytes, 2, outputs);
  check(kernel != NULL && no_error(), "names with and without @model_path/ are found");
  uint16_t* y = halves(kActivations, 0);
  check(run(kernel, 2, y) && all_are(y, kActivations, 2), "output 0 is Ix");
  ane_bridge_read_output(kernel, 1, y, kBytes);
  check(no_error() && all_are(y, kActivations, 8), "output 1 is (4I)x");
  ane_bridge_free(kernel);
  kernel = ane_bridge_compile_multi_weights(kTwoWeights, strlen(kTwoWeights), names, datas, lengths, 1, 1, &kBytes, 2,
                                            outputs);
  check(kernel == NULL && error_says("v.bin"), "a file that is missing is named");
  ane_bridge_free_blob(u);
  ane_bridge_free_blob(v);
  free(one);
  free(four);
  free(y);
}

static void test_refusals(void) {
  printf("\n[4] what does not compile\n");
  const size_t small = kBytes - 2, huge = (size_t)1 << 40;
  const size_t two[] = {kBytes, kBytes};
  const size_t length = strlen(kScale);
  check(compile("program(1.3) { nonsense", NULL, 0) == NULL && error_says("program:1:"), "nonsense, and where it is");
  check(compile(kLinear, NULL, 0) == NULL && error_says("weight.bin"), "a program whose weight file is not given");
  check(compile(kLinear, (const uint8_t*)"no blob", 7) == NULL && !no_error(), "a weight file that is none");
  check(ane_bridge_compile(NULL, 5, NULL, 0, 1, &kBytes, 1, &kBytes) == NULL && error_says("NULL"), "no text");
  check(ane_bridge_compile(kScale, length, NULL, 0, 2, two, 1, two) == NULL && error_says("1 inputs"),
        "two inputs where the program has one");
  check(ane_bridge_compile(kScale, length, NULL, 0, 1, two, 0, NULL) == NULL && error_says("1 outputs"), "no output");
  check(ane_bridge_compile(kScale, length, NULL, 0, -1, two, 1, two) == NULL && error_says("-1"), "-1 inputs");
  check(ane_bridge_compile(kScale, length, NULL, 0, 1, NULL, 1, two) == NULL && error_says("NULL"), "no sizes");
  check(ane_bridge_compile(kScale, length, NULL, 0, 1, &small, 1, two) == NULL && error_says("2048"),
        "an input smaller than its tensor");
  check(ane_bridge_compile(kScale, length, NULL, 0, 1, two, 1, &small) == NULL && error_says("2048"),
        "an output smaller than its tensor");
  check(ane_bridge_compile(kScale, length, NULL, 0, 1, &huge, 1, two) == NULL && !no_error(), "an input of 1 TiB");
}

static void test_transfers(void) {
  printf("\n[5] eval, write_input, read_output\n");
  const size_t large = kBytes + 4096;
  ANEKernelHandle* kernel = ane_bridge_compile(kScale, strlen(kScale), NULL, 0, 1, &large, 1, &large);
  check(kernel != NULL, "memory larger than the tensor");
  uint16_t *y = halves(large / 2, 0), *seven = halves(large / 2 + 1, 7);
  check(run(kernel, 5, y) && all_are(y, kActivations, 10), "the tensor alone is written and read");
  ane_bridge_write_input(kernel, 0, seven, kBytes - 2);
  check(error_says("2048"), "fewer bytes than the tensor has are not written");
  ane_bridge_write_input(kernel, 0, seven, large + 2);
  check(error_says("6144"), "more bytes than there is memory are not written");
  ane_bridge_write_input(kernel, 1, seven, kBytes);
  check(error_says("no input 1"), "there is no input 1");
  ane_bridge_write_input(kernel, -1, seven, kBytes);
  check(error_says("no input -1"), "there is no input -1");
  ane_bridge_write_input(kernel, 0, NULL, kBytes);
  check(error_says("NULL"), "NULL is not written");
  check(ane_bridge_eval(kernel), "the kernel runs on");
  ane_bridge_read_output(kernel, 0, seven, kBytes - 2);
  check(error_says("2048") && all_are(seven, large / 2, 7), "fewer bytes than the tensor has are not read");
  ane_bridge_read_output(kernel, 0, seven, large + 2);
  check(error_says("6144") && all_are(seven, large / 2 + 1, 7), "more bytes than there is memory are not read");
  ane_bridge_read_output(kernel, 3, seven, kBytes);
  check(error_says("no output 3"), "there is no output 3");
  ane_bridge_read_output(kernel, 0, seven, kBytes);
  check(no_error() && all_are(seven, kActivations, 10), "what failed changed nothing");
  check(!ane_bridge_eval(NULL) && error_says("NULL"), "NULL does not run");
  ane_bridge_write_input(NULL, 0, seven, kBytes);
  check(error_says("NULL"), "NULL is not written to");
  ane_bridge_read_output(NULL, 0, seven, kBytes);
  check(error_says("NULL"), "NULL is not read from");
  ane_bridge_free(kernel);
  free(seven);
  free(y);
}

// The sum of act x weight with all of act 1.
static float sum_of_product(ANEKernelHandle* kernel) {
  uint16_t *ones = halves(kMatrix, 1), *out = halves(kMatrix, 0);
  ane_bridge_write_input(kernel, 0, ones, kSquareBytes);
  if (ane_bridge_eval(kernel)) ane_bridge_read_output(kernel, 0, out, kSquareBytes);
  const float total = no_error() ? sum(out, kMatrix) : -1;
  free(ones);
  free(out);
  return total;
}

static void write_diagonal(ANEKernelHandle* kernel, float value) {
  uint16_t* weight = halves(kMatrix, 0);
  for (int i = 0; i < kDim; ++i) weight[i * kDim + i] = half_of(value);
  ane_bridge_write_weight(kernel, 0, weight, kSquareBytes);
  free(weight);
}

static void test_dynamic(void) {
  printf("\n[6] weights as inputs: compile_dyn, write_weight, write_weight_f32\n");
  ANEKernelHandle* kernel = compile_dynamic();
  check(kernel != NULL && no_error(), "a product of 64 x 64 matrices compiles");
  check(sum_of_product(kernel) == 0, "the weight is zero at first");
  const int count = ane_bridge_get_compile_count();
  write_diagonal(kernel, 1);
  const float once = sum_of_product(kernel);
  check(once == kMatrix, "W = I gives the sum of the input");
  write_diagonal(kernel, 2);
  const float twice = sum_of_product(kernel);
  printf("    sums %g and %g, ratio %g\n", once, twice, twice / once);
  check(fabsf(twice / once - 2) < 0.1f, "W = 2I doubles it");
  float* three = diagonal(3);
  ane_bridge_write_weight_f32(kernel, 0, three, kMatrix);
  check(no_error() && sum_of_product(kernel) == 3 * kMatrix, "W = 3I, written as floats, triples it");
  check(ane_bridge_get_compile_count() == count, "nothing was compiled for that");
  ane_bridge_write_weight_f32(kernel, 0, three, kMatrix - 1);
  check(error_says("4095"), "a float too few is not written");
  ane_bridge_write_weight(kernel, 0, three, kSquareBytes + 2);
  check(error_says("8194"), "bytes too many are not written");
  ane_bridge_write_weight(kernel, 1, three, kSquareBytes);
  check(error_says("no weight 1"), "there is no weight 1");
  ane_bridge_write_input(kernel, 1, three, kSquareBytes);
  check(error_says("no input 1"), "a weight is no input");
  check(sum_of_product(kernel) == 3 * kMatrix, "what failed changed nothing");
  ane_bridge_free(kernel);
  free(three);
}

static void test_copy(void) {
  printf("\n[7] copy_io\n");
  ANEKernelHandle *first = compile_scale(), *second = compile_scale(), *square = compile_dynamic();
  uint16_t* y = halves(kActivations, 0);
  check(run(first, 1, y) && all_are(y, kActivations, 2), "the first kernel makes 2 of 1");
  ane_bridge_copy_io(first, 0, second, 0);
  check(no_error() && ane_bridge_eval(second), "its output is the second's input");
  ane_bridge_read_output(second, 0, y, kBytes);
  check(all_are(y, kActivations, 4), "the second makes 4 of it");
  ane_bridge_copy_io(second, 0, second, 0);
  check(no_error() && ane_bridge_eval(second), "its output is its own input");
  ane_bridge_read_output(second, 0, y, kBytes);
  check(all_are(y, kActivations, 8), "it makes 8 of it");
  ane_bridge_copy_io(first, 0, square, 0);
  check(error_says("as many bytes"), "tensors of other sizes are not copied");
  ane_bridge_copy_io(first, 1, second, 0);
  check(error_says("no output 1"), "there is no output 1");
  ane_bridge_copy_io(first, 0, second, 1);
  check(error_says("no input 1"), "there is no input 1");
  ane_bridge_copy_io(NULL, 0, second, 0);
  check(error_says("NULL"), "nothing is copied from NULL");
  ane_bridge_free(first);
  ane_bridge_free(second);
  ane_bridge_free(square);
  free(y);
}

static void test_real_time(void) {
  printf("\n[8] begin_realtime, end_realtime\n");
  ANEKernelHandle* kernel = compile_scale();
  uint16_t* y = halves(kActivations, 0);
  const bool begun = ane_bridge_begin_realtime();
  if (!begun) printf("    %s\n", ane_bridge_last_error());
  check(begun == no_error(), "begun, or an error says why not");
  check(!ane_bridge_begin_realtime() && error_says(begun ? "has begun already" : ""), "not begun twice");
  check(run(kernel, 4, y) && all_are(y, kActivations, 8), "a kernel runs in between");
  ane_bridge_end_realtime();
  check(begun == no_error(), "ended where it was begun");
  check(run(kernel, 5, y) && all_are(y, kActivations, 10), "a kernel runs afterwards");
  ane_bridge_end_realtime();
  check(!no_error(), "not ended twice");
  ane_bridge_free(kernel);
  free(y);
}

static void test_cache(void) {
  printf("\n[9] programs compiled before\n");
  ane_bridge_free(compile_dynamic());
  const int count = ane_bridge_get_compile_count();
  ANEKernelHandle* kernel = compile_dynamic();
  check(kernel != NULL, "the program compiles again after it was freed");
  check(ane_bridge_get_compile_count() == count, "the compile count stays");
  check(sum_of_product(kernel) == 0, "the weight is zero again");
  ane_bridge_clear_cache();
  check(sum_of_product(kernel) == 0, "the kernel outlives the cache");
  ane_bridge_free(kernel);
  ane_bridge_free(compile_dynamic());
  check(ane_bridge_get_compile_count() == count + 1, "a program that was forgotten counts anew");
}

static uint64_t number_at(const uint8_t* blob, size_t offset, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= (uint64_t)blob[offset + i] << 8 * i;
  return value;
}

// Every field that weight files have, of one blob.
static bool is_blob(const uint8_t* blob, size_t length, unsigned dtype, size_t data_bytes) {
  return blob != NULL && length >= 128 + data_bytes && number_at(blob, 0, 4) == 1 && number_at(blob, 4, 4) == 2 &&
         number_at(blob, 64, 4) == 0xDEADBEEF && number_at(blob, 68, 4) == dtype &&
         number_at(blob, 72, 8) == data_bytes && number_at(blob, 80, 8) == 128;
}

static void test_half_blobs(void) {
  printf("\n[10] weight files in fp16\n");
  const float src[] = {1, 2, 3, 4, 5, 6};  // [2, 3]
  const uint16_t rows[] = {half_of(1), half_of(2), half_of(3), half_of(4), half_of(5), half_of(6)};
  const uint16_t columns[] = {half_of(1), half_of(4), half_of(2), half_of(5), half_of(3), half_of(6)};
  size_t length = 0;
  uint8_t* blob = ane_bridge_build_weight_blob(src, 2, 3, &length);
  check(is_blob(blob, length, 1, sizeof rows), "headers, type and size are right");
  check(memcmp(blob + 128, rows, sizeof rows) == 0, "the data are the matrix");
  ane_bridge_free_blob(blob);
  blob = ane_bridge_build_weight_blob_transposed(src, 2, 3, &length);
  check(is_blob(blob, length, 1, sizeof columns), "headers, type and size are right where transposed");
  check(memcmp(blob + 128, columns, sizeof columns) == 0, "the data are the transpose");
  free(blob);  // as the seed's clients do
  check(ane_bridge_build_weight_blob(src, 0, 3, &length) == NULL && error_says("0 rows"), "no rows are refused");
  check(ane_bridge_build_weight_blob(src, 2, -3, &length) == NULL && error_says("-3"), "-3 columns are refused");
  check(ane_bridge_build_weight_blob(NULL, 2, 3, &length) == NULL && error_says("NULL"), "NULL is refused");
  check(ane_bridge_build_weight_blob(src, 2, 3, NULL) == NULL && error_says("NULL"), "no place for the length either");
}

static void test_int8_blobs(void) {
  printf("\n[11] weight files in int8\n");
  const int8_t bytes[] = {-128, -1, 0, 1, 2, 127};
  const float src[] = {-12.7f, 0.05f, 6.35f, 0.127f, 0.0635f, -0.001f};  // [2, 3]
  const int8_t per_tensor[] = {-127, 1, 64, 1, 1, 0}, per_row[] = {-127, 1, 64, 127, 64, -1};
  size_t length = 0;
  uint8_t* blob = ane_bridge_build_weight_blob_int8(bytes, 2, 3, &length);
  check(is_blob(blob, length, 4, 6) && memcmp(blob + 128, bytes, 6) == 0, "int8 as it is");
  ane_bridge_free_blob(blob);
  float scales[3] = {-1, -1, -1};
  blob = ane_bridge_build_weight_blob_quantized(src, 2, 3, scales, &length);
  check(is_blob(blob, length, 4, 6) && memcmp(blob + 128, per_tensor, 6) == 0, "quantized with one scale");
  check(fabsf(scales[0] - 0.1f) < 1e-6f && scales[1] == -1, "the scale, which is one float, is max|x| / 127");
  ane_bridge_free_blob(blob);
  blob = ane_bridge_build_weight_blob_quantized_per_channel(src, 2, 3, scales, &length);
  check(is_blob(blob, length, 4, 6) && memcmp(blob + 128, per_row, 6) == 0, "quantized with a scale for each row");
  check(fabsf(scales[0] - 0.1f) < 1e-6f && fabsf(scales[1] - 0.001f) < 1e-8f && scales[2] == -1, "two scales");
  ane_bridge_free_blob(blob);
  const float zeros[6] = {0};
  blob = ane_bridge_build_weight_blob_quantized(zeros, 2, 3, scales, &length);
  check(blob != NULL && scales[0] == 1, "the scale of zeros is 1");
  ane_bridge_free_blob(blob);
  const float infinite[] = {1, 1, 1, 1, INFINITY, 1};
  check(ane_bridge_build_weight_blob_quantized(infinite, 2, 3, scales, &length) == NULL && error_says("weight 4"),
        "what is infinite is refused");
  check(ane_bridge_build_weight_blob_quantized(src, 2, 3, NULL, &length) == NULL && error_says("NULL"),
        "no place for the scale is refused");
  ane_bridge_free_blob(NULL);
  check(true, "free_blob takes NULL");
}

// "tensor<fp16, [64]>([...])" of the scales.
static char* vector_text(const float* scales) {
  char* text = malloc(kDim * 32 + 64);
  if (text == NULL) abort();
  char* end = text + sprintf(text, "tensor<fp16, [64]>([");
  for (int i = 0; i < kDim; ++i) end += sprintf(end, i == 0 ? "%a" : ", %a", scales[i]);
  sprintf(end, "])");
  return text;
}

// Row i of W holds 127 at i and, for the first row only, more: rows differ in scale.
static void test_int8_programs(void) {
  printf("\n[12] programs with int8 weights\n");
  float* weights = diagonal(127);
  for (int i = 0; i < kDim; i += 2) weights[i * kDim + i] = 254;
  float scales[kDim];
  size_t length = 0;
  uint8_t* blob = ane_bridge_build_weight_blob_quantized_per_channel(weights, kDim, kDim, scales, &length);
  char *vector = vector_text(scales), *mil = malloc(sizeof(DEQUANTIZED("")) + strlen(vector));
  if (mil == NULL) abort();
  sprintf(mil, DEQUANTIZED("%s"), vector);
  ANEKernelHandle* kernel = compile(mil, blob, length);
  check(kernel != NULL && no_error(), "a program with a scale for each channel compiles");
  if (kernel == NULL) printf("    %s\n", ane_bridge_last_error());
  uint16_t* y = halves(kActivations, 0);
  bool right = run(kernel, 1, y);
  for (int i = 0; i < kDim; ++i) right = right && all_are(y + i * kSeq, kSeq, i % 2 == 0 ? 254 : 127);
  check(right, "each channel has its scale");
  ane_bridge_free(kernel);
  ane_bridge_free_blob(blob);

  blob = ane_bridge_build_weight_blob_quantized(weights, kDim, kDim, scales, &length);
  kernel = compile(DEQUANTIZED("fp16(0x1p+1)"), blob, length);
  check(kernel != NULL && scales[0] == 2, "a program with one scale compiles");
  right = run(kernel, 1, y);
  for (int i = 0; i < kDim; ++i) right = right && all_are(y + i * kSeq, kSeq, i % 2 == 0 ? 254 : 128);
  check(right, "63.5 steps are rounded up to 64");
  ane_bridge_free(kernel);
  ane_bridge_free_blob(blob);
  free(mil);
  free(vector);
  free(weights);
  free(y);
}

static void test_free(void) {
  printf("\n[13] free\n");
  ane_bridge_free(NULL);
  check(true, "free takes NULL");
  ANEKernelHandle* kernels[8];
  for (int i = 0; i < 8; ++i) kernels[i] = compile_scale();
  uint16_t* y = halves(kActivations, 0);
  for (int i = 0; i < 7; ++i) ane_bridge_free(kernels[i]);
  check(run(kernels[7], 6, y) && all_are(y, kActivations, 12), "a kernel outlives others of its program");
  ane_bridge_free(kernels[7]);
  free(y);
}

int main(int argc, char** argv) {
  printf("=== test_bridge ===\n");
  if (test_init(argc > 1 ? argv[1] : NULL)) {
    test_compile();
    test_multi_weights();
    test_refusals();
    test_transfers();
    test_dynamic();
    test_copy();
    test_real_time();
    test_cache();
    test_half_blobs();
    test_int8_blobs();
    test_int8_programs();
    test_free();
  }
  printf("\n=== Results: %d passed, %d failed ===\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
