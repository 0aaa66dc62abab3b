// A compiled program: steps over buffers, all temporaries in one arena.
//
//   Plan plan = TRY(lower(function, weights, Precision::fp32));
//   for (const Step& step : plan.steps) step(pointers);
//
// A buffer is a run of words (kernels/words.h); that of a surface is of its own packed elements, that of a factor of
// matrix products may be of bfloat16. Those in the arena
// live from the first step that touches them to the last; two whose lives do not meet may share memory.
#pragma once

#include <functional>
#include <set>
#include <vector>

#include "device/cpu/constants.h"
#include "device/layout.h"
#include "mil/tensor.h"

namespace anemone::cpu {

enum class Place : uint8_t { arena, constant, input, output };

struct PlanBuffer {
  Place place = Place::arena;
  size_t index = 0;               // of the constant, input or output
  int64_t floats = 0;             // in the arena
  int64_t first = -1, last = -1;  // steps; -1 where no step touches it
  int64_t offset = 0;             // in the arena
};

// Where each buffer stands during one run.
class Pointers {
 public:
  explicit Pointers(std::vector<float*>& bases) : bases_(bases) {}
  float* at(const View& view) const { return bases_[size_t(view.buffer)] + view.offset; }
  // In a surface of such elements, of whole bytes where the view has an offset.
  std::byte* bytes_at(const View& view, mil::DType dtype) const {
    return reinterpret_cast<std::byte*>(bases_[size_t(view.buffer)]) + view.offset * int64_t(mil::bits(dtype)) / 8;
  }

 private:
  std::vector<float*>& bases_;
};

using Step = std::function<void(const Pointers&)>;

struct PlanConstant {
  Constant constant;
  std::optional<Origin> origin;  // where it can be loaded anew
};

struct Plan {
  std::vector<PlanBuffer> buffers;
  std::vector<Step> steps;
  std::vector<PlanConstant> constants;
  Buffer<uint16_t> narrow;             // of all constants of 16 bits an element: together they are worth huge pages
  std::set<mil::BlobReference> baked;  // weights that more depends on than constants of their own
  int64_t arena_floats = 0;
};

// Loads the constants that stand in `weights` in place. False, and nothing changed, where one of them is baked.
Result<bool> reload(Plan& plan, const mil::Weights& weights);
// The same for rows of the floats that a weight's constants were made of.
bool refresh(Plan& plan, const mil::BlobReference& weight, int64_t row, int64_t rows);

// Makes the constants of 16 bits an element.
void place_constants(Plan& plan);

// Gives each arena buffer an offset, large ones first, each at the lowest place that is free during its life.
void place_buffers(Plan& plan);

}  // namespace anemone::cpu
