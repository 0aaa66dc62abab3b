#include "train/operand.h"

#include <algorithm>

#include "base/parallel.h"

namespace anemone::train {
namespace {

constexpr int64_t kGrain = 1 << 14;  // values worth a thread

template <class T>
void grow(Buffer<T>& buffer, size_t count) {
  if (buffer.size() < count) buffer = Buffer<T>(count);
}

}  // namespace

Factor factors_at(Precision precision) {
  return precision == Precision::bf16 && multiplies_bfloat16() ? Factor::bf16 : Factor::fp32;
}

void Operand::assign(std::span<const float> values) {
  values_ = values;
  if (precision_ != Precision::bf16) return;
  factors_at(precision_) == Factor::bf16 ? grow(halves_, values.size()) : grow(rounded_, values.size());
  parallel_for(std::ssize(values), kGrain, [this](int64_t begin, int64_t end) {
    update(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  });
}

void Operand::update(size_t first, size_t count) {
  const std::span<const float> changed = values_.subspan(first, count);
  if (halves_.size() > 0) to_bfloat16(changed, halves_.data() + first);
  if (rounded_.size() > 0) {
    std::ranges::copy(changed, rounded_.data() + first);
    round_to_bfloat16(rounded_.span().subspan(first, count));
  }
}

const void* Operand::data(size_t first) const {
  if (halves_.size() > 0) return halves_.data() + first;
  if (rounded_.size() > 0) return rounded_.data() + first;
  return values_.data() + first;
}

}  // namespace anemone::train
