// What bridge/test_bridge.c cannot see from outside: the files that our own reader reads, threads, exceptions.
#include <anemone/bridge.h>
#include <gmock/gmock.h>

#include <climits>
#include <string>
#include <thread>
#include <vector>

#include "base/half.h"
#include "base/random_floats.h"
#include "mil/blob.h"

namespace anemone {
namespace {

using mil::BlobFile;
using mil::BlobQuirk;
using mil::DType;
using testing::HasSubstr;

constexpr int kRows = 5, kColumns = 7;

#ifdef __has_feature  // as Clang tells it, and GCC from 14 on
constexpr bool kAddressSanitizer = __has_feature(address_sanitizer);
#elif defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

// The one tensor of a weight file that departs nowhere from the format; the file is freed.
mil::Tensor read_back(uint8_t* file, size_t length, const mil::TensorType& type) {
  const auto bytes = std::as_bytes(std::span(file, length));
  const auto owner = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
  ane_bridge_free_blob(file);
  const auto blob = BlobFile::view("weight.bin", *owner, owner);
  EXPECT_TRUE(blob && blob->check()) << "not as the format asks";
  const auto tensor = blob->tensor(64, type);
  EXPECT_TRUE(tensor) << tensor.error().message;
  EXPECT_EQ(tensor->quirk, BlobQuirk::none);
  return tensor->tensor;
}

TEST(Bridge, HalfFilesAreReadBack) {
  const std::vector<float> weights = random_floats(kRows * kColumns, 1);
  size_t length = 0;
  uint8_t* file = ane_bridge_build_weight_blob(weights.data(), kRows, kColumns, &length);
  const mil::Tensor matrix = read_back(file, length, {DType::fp16, {kRows, kColumns}});
  file = ane_bridge_build_weight_blob_transposed(weights.data(), kRows, kColumns, &length);
  const mil::Tensor transpose = read_back(file, length, {DType::fp16, {kColumns, kRows}});
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      const double expected =
          Half::from(weights[static_cast<size_t>(row) * kColumns + static_cast<size_t>(column)]).value();
      EXPECT_EQ(matrix.number(row * kColumns + column), expected);
      EXPECT_EQ(transpose.number(column * kRows + row), expected);
    }
  }
}

TEST(Bridge, Int8FilesAreReadBack) {
  std::vector<int8_t> weights(kRows * kColumns);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(i * 7 - 120);
  size_t length = 0;
  uint8_t* file = ane_bridge_build_weight_blob_int8(weights.data(), kRows, kColumns, &length);
  const mil::Tensor tensor = read_back(file, length, {DType::int8, {kRows, kColumns}});
  EXPECT_EQ(tensor.numbers(), std::vector<double>(weights.begin(), weights.end()));
}

TEST(Bridge, QuantizedFilesAreReadBack) {
  const std::vector<float> weights = random_floats(kRows * kColumns, 2);
  std::vector<float> scales(kRows);
  size_t length = 0;
  uint8_t* file =
      ane_bridge_build_weight_blob_quantized_per_channel(weights.data(), kRows, kColumns, scales.data(), &length);
  const mil::Tensor tensor = read_back(file, length, {DType::int8, {kRows, kColumns}});
  for (size_t i = 0; i < weights.size(); ++i) {
    const float scale = scales[i / kColumns];
    EXPECT_NEAR(tensor.number(static_cast<int64_t>(i)) * scale, weights[i], scale * 0.50001) << i;
  }
}

TEST(Bridge, ErrorsAreEachThreadsOwn) {
  EXPECT_FALSE(ane_bridge_eval(nullptr));
  std::string before, after;
  std::thread([&] {
    before = ane_bridge_last_error();
    ane_bridge_init_device("abacus");
    after = ane_bridge_last_error();
  }).join();
  EXPECT_EQ(before, "");
  EXPECT_THAT(after, HasSubstr("abacus"));
  EXPECT_THAT(ane_bridge_last_error(), HasSubstr("NULL"));
}

TEST(Bridge, SuccessClearsTheError) {
  EXPECT_FALSE(ane_bridge_eval(nullptr));
  ane_bridge_free(nullptr);
  ane_bridge_free_blob(nullptr);
  EXPECT_NE(std::string(ane_bridge_last_error()), "") << "what cannot fail leaves it";
  const float weight = 1;
  size_t length = 0;
  ane_bridge_free_blob(ane_bridge_build_weight_blob(&weight, 1, 1, &length));
  EXPECT_EQ(std::string(ane_bridge_last_error()), "");
}

TEST(Bridge, InitFromManyThreadsOpensOneDevice) {
  std::vector<std::thread> threads;
  std::vector<int> results(8, -2);
  for (int& result : results) {
    threads.emplace_back([&result] { result = ane_bridge_init_device("ref"); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(results, testing::Each(0));
  EXPECT_EQ(std::string(ane_bridge_device()), "ref");
}

TEST(Bridge, WantOfMemoryIsAnError) {
  if (kAddressSanitizer) GTEST_SKIP() << "the sanitizer ends the process where memory is short";
  const int8_t weight = 1;
  size_t length = 17;
  EXPECT_EQ(ane_bridge_build_weight_blob_int8(&weight, 1 << 20, 1 << 28, &length), nullptr);  // 256 TiB
  EXPECT_THAT(ane_bridge_last_error(), HasSubstr("out of memory"));
  EXPECT_EQ(ane_bridge_build_weight_blob_int8(&weight, INT_MAX, INT_MAX, &length), nullptr);
  EXPECT_NE(std::string(ane_bridge_last_error()), "");
  EXPECT_EQ(length, 17u);
}

}  // namespace
}  // namespace anemone
