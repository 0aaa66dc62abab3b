#include "device/cpu/plan.h"

#include <algorithm>

namespace anemone::cpu {
namespace {

constexpr int64_t kLine = 16;  // floats: buffers begin at cache lines

bool meet(const PlanBuffer& a, const PlanBuffer& b) { return a.first <= b.last && b.first <= a.last; }

// `placed` are those already in the arena, by offset.
int64_t lowest_offset(const PlanBuffer& buffer, const std::vector<const PlanBuffer*>& placed) {
  int64_t offset = 0;
  for (const PlanBuffer* other : placed) {
    if (!meet(buffer, *other)) continue;
    if (offset + buffer.floats <= other->offset) break;
    offset = std::max(offset, other->offset + other->floats);
  }
  return offset;
}

}  // namespace

Result<bool> reload(Plan& plan, const mil::Weights& weights) {
  const auto is_new = [&](const mil::BlobReference& blob) { return weights.has(blob); };
  if (std::ranges::any_of(plan.baked, is_new)) return false;
  std::vector<std::pair<Constant*, mil::Tensor>> loads;
  for (auto& [constant, origin] : plan.constants) {
    if (origin && is_new(origin->blob)) loads.emplace_back(&constant, TRY(weights.find(origin->blob, origin->type)));
  }
  for (auto& [constant, tensor] : loads) constant->load(tensor);
  return true;
}

bool refresh(Plan& plan, const mil::BlobReference& weight, int64_t row, int64_t rows) {
  if (plan.baked.contains(weight)) return false;
  const auto of_weight = [&](const PlanConstant& c) { return c.origin && c.origin->blob == weight; };
  const auto refreshes = [&](const PlanConstant& c) { return !of_weight(c) || c.constant.refreshes(); };
  if (!std::ranges::all_of(plan.constants, refreshes)) return false;
  for (PlanConstant& c : plan.constants) {
    if (of_weight(c)) c.constant.refresh(row, rows);
  }
  return true;
}

void place_constants(Plan& plan) {
  const auto room = [](const PlanConstant& c) { return (c.constant.narrow_count() + 31) / 32 * 32; };  // cache lines
  size_t total = 0;
  for (const PlanConstant& c : plan.constants) total += room(c);
  plan.narrow = Buffer<uint16_t>(total);
  uint16_t* at = plan.narrow.data();
  for (PlanConstant& c : plan.constants) {
    if (c.constant.narrow_count() > 0) c.constant.place(at);
    at += room(c);
  }
}

void place_buffers(Plan& plan) {
  std::vector<PlanBuffer*> order;
  for (PlanBuffer& buffer : plan.buffers) {
    if (buffer.place != Place::arena || buffer.first < 0) continue;
    buffer.floats = (buffer.floats + kLine - 1) / kLine * kLine;
    order.push_back(&buffer);
  }
  std::ranges::stable_sort(order, std::greater(), &PlanBuffer::floats);
  std::vector<const PlanBuffer*> placed;
  for (PlanBuffer* buffer : order) {
    buffer->offset = lowest_offset(*buffer, placed);
    plan.arena_floats = std::max(plan.arena_floats, buffer->offset + buffer->floats);
    placed.insert(std::ranges::upper_bound(placed, buffer->offset, {}, &PlanBuffer::offset), buffer);
  }
}

}  // namespace anemone::cpu
