// Against sums in double precision on each instruction set, at odd sizes, misaligned, with gaps that must be neither
// read nor written.
#include "device/cpu/kernels/matvec.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>

#include "base/half.h"
#include "base/parallel.h"
#include "base/random_floats.h"

namespace anemone::cpu {
namespace {

using mil::DType;

constexpr float kSentinel = -1234.5f;
constexpr int64_t kGap = 2;  // elements between what stands together

struct Sizes {
  int64_t rows, inner, columns;
};
constexpr Sizes kSizes[] = {{1, 1, 1},   {2, 3, 1},   {5, 7, 2},     {3, 64, 1},   {17, 31, 3},
                            {16, 96, 8}, {33, 65, 1}, {130, 257, 2}, {1, 1000, 1}, {200, 129, 1}};

// A matrix with gaps after its rows, `misaligned` elements into its memory.
class Stored {
 public:
  Stored(DType dtype, int64_t rows, int64_t columns, int64_t misaligned)
      : dtype_(dtype), stride_(columns + kGap), misaligned_(misaligned) {
    values_ = random_floats(misaligned + rows * stride_, 3);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t gap = columns; gap < stride_; ++gap) values_[size_t(misaligned + r * stride_ + gap)] = NAN;
    }
    halves_.resize(values_.size());
    bfloats_.resize(values_.size());
    to_half(values_, halves_.data());
    to_bfloat16(values_, bfloats_.data());
  }

  int64_t stride() const { return stride_; }
  const void* data() const {
    if (dtype_ == DType::fp16) return halves_.data() + misaligned_;
    if (dtype_ == DType::bf16) return bfloats_.data() + misaligned_;
    return values_.data() + misaligned_;
  }
  double at(int64_t row, int64_t column) const {
    const auto i = size_t(misaligned_ + row * stride_ + column);
    if (dtype_ == DType::fp16) return double(halves_[i].value());
    return dtype_ == DType::bf16 ? double(bfloats_[i].value()) : double(values_[i]);
  }

 private:
  DType dtype_;
  int64_t stride_, misaligned_;
  std::vector<float> values_;
  std::vector<Half> halves_;
  std::vector<BFloat16> bfloats_;
};

// Target, element type of the matrix, whether it is transposed.
class MatvecTest : public testing::TestWithParam<std::tuple<int64_t, DType, bool>> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(std::get<0>(GetParam())); }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
    set_thread_count(threads_);
  }

  int threads_ = thread_count();
};

TEST_P(MatvecTest, SumsProducts) {
  const auto [target, dtype, transposed] = GetParam();
  for (const auto& [rows, inner, columns] : kSizes) {
    for (const int64_t misaligned : {0, 1, 3}) {
      const Stored w(dtype, transposed ? inner : rows, transposed ? rows : inner, misaligned);
      const std::vector<float> x = random_floats(1 + columns * (inner + kGap), 4);
      std::vector<float> y(size_t(1 + columns * (rows + kGap)), kSentinel);
      multiply({.dtype = dtype,
                .transposed = transposed,
                .rows = rows,
                .inner = inner,
                .columns = columns,
                .stride = w.stride(),
                .x_column = inner + kGap,
                .y_column = rows + kGap},
               w.data(), x.data() + 1, y.data() + 1);
      std::vector<float> expected(y.size(), kSentinel);
      for (int64_t c = 0; c < columns; ++c) {
        for (int64_t r = 0; r < rows; ++r) {
          double sum = 0;
          for (int64_t k = 0; k < inner; ++k) {
            sum += (transposed ? w.at(k, r) : w.at(r, k)) * double(x[size_t(1 + c * (inner + kGap) + k)]);
          }
          expected[size_t(1 + c * (rows + kGap) + r)] = float(sum);
        }
      }
      for (size_t i = 0; i < y.size(); ++i) {
        const float tolerance = expected[i] == kSentinel ? 0 : 1e-6f * std::sqrt(float(inner)) + 1e-6f;
        ASSERT_NEAR(y[i], expected[i], tolerance) << rows << "×" << inner << "×" << columns << " at " << i;
      }
    }
  }
}

// Three matrices one after another, with as many vectors each; the results interleaved.
TEST_P(MatvecTest, TakesBatchesAndStrides) {
  const auto [target, dtype, transposed] = GetParam();
  constexpr int64_t kBatch = 3, kRows = 20, kInner = 40;
  const Stored w(dtype, kBatch * (transposed ? kInner : kRows), transposed ? kRows : kInner, 0);
  const int64_t matrix = (transposed ? kInner : kRows) * w.stride();
  const std::vector<float> x = random_floats(kBatch * kInner, 4);
  std::vector<float> y(size_t(kBatch * kRows));
  const int64_t y_batch = transposed ? kRows : 1, y_row = transposed ? 1 : kBatch;
  multiply({.dtype = dtype,
            .transposed = transposed,
            .rows = kRows,
            .inner = kInner,
            .stride = w.stride(),
            .y_row = y_row,
            .batch = {{kBatch}, {{matrix}, {kInner}, {y_batch}}}},
           w.data(), x.data(), y.data());
  for (int64_t b = 0; b < kBatch; ++b) {
    for (int64_t r = 0; r < kRows; ++r) {
      double sum = 0;
      for (int64_t k = 0; k < kInner; ++k) {
        sum += (transposed ? w.at(b * kInner + k, r) : w.at(b * kRows + r, k)) * double(x[size_t(b * kInner + k)]);
      }
      EXPECT_NEAR(y[size_t(b * y_batch + r * y_row)], sum, 1e-5) << b << ", " << r;
    }
  }
}

TEST_P(MatvecTest, HasTheSameBitsOnAnyNumberOfThreads) {
  const auto [target, dtype, transposed] = GetParam();
  constexpr int64_t kRows = 301, kInner = 403;
  const Stored w(dtype, transposed ? kInner : kRows, transposed ? kRows : kInner, 0);
  const Matvec shape{.dtype = dtype, .transposed = transposed, .rows = kRows, .inner = kInner, .stride = w.stride()};
  const std::vector<float> x = random_floats(kInner, 4);
  const auto product = [&](int threads) {
    set_thread_count(threads);
    std::vector<float> y(kRows);
    multiply(shape, w.data(), x.data(), y.data());
    return y;
  };
  const std::vector<float> one = product(1);
  EXPECT_EQ(product(2), one);
  EXPECT_EQ(product(5), one);
}

std::string name_of(const testing::TestParamInfo<MatvecTest::ParamType>& info) {
  const auto& [target, dtype, transposed] = info.param;
  return fmt::format("{}_{}{}", hwy::TargetName(target), mil::to_string(dtype), transposed ? "_transposed" : "");
}

INSTANTIATE_TEST_SUITE_P(Matrices, MatvecTest,
                         testing::Combine(testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                                          testing::Values(DType::fp32, DType::fp16, DType::bf16), testing::Bool()),
                         name_of);

}  // namespace
}  // namespace anemone::cpu
