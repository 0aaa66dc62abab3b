#include "device/cpu/kernels/tile.h"

#include <algorithm>
#include <array>

#include "base/parallel.h"

namespace anemone::cpu {
namespace {

constexpr int64_t kGrain = 32;     // tiles a thread should have at least
constexpr int64_t kInPlace = 128;  // elements of a row that are worth a tile, since they need no copies then

// The elements of the nest that a tile covers: whole rows where they are short, else a piece of one.
struct Span {
  int64_t row, rows;
  int64_t column, columns;
  size_t count() const { return static_cast<size_t>(rows * columns); }
};

void load_row(const float* from, int64_t stride, int64_t count, float* to) {
  if (stride == 1) {
    std::copy_n(from, count, to);
  } else if (stride == 0) {
    std::fill_n(to, count, *from);
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i * stride];
  }
}

void store_row(const float* from, int64_t count, float* to, int64_t stride) {
  for (int64_t i = 0; i < count; ++i) to[i * stride] = from[i];
}

void narrow_row(const float* from, int64_t count, BFloat16* to, int64_t stride) {
  if (stride == 1) return to_bfloat16({from, static_cast<size_t>(count)}, to);
  for (int64_t i = 0; i < count; ++i) to[i * stride] = BFloat16::from(from[i]);
}

class TileRun {
 public:
  TileRun(const TileProgram& program, std::span<std::byte* const> operands)
      : program_(program), loops_(program.loops), operands_(operands) {
    const int64_t inner = loops_.inner();
    columns_ = std::min<int64_t>(inner, kTile);
    rows_ = columns_ < kInPlace || is_contiguous() ? kTile / columns_ : 1;
    pieces_ = (inner + columns_ - 1) / columns_;
  }

  int64_t tiles() const { return (loops_.rows() + rows_ - 1) / rows_ * pieces_; }

  void run(int64_t begin, int64_t end) const {
    alignas(64) std::array<std::array<float, kTile>, kTileRegisters> tiles;
    std::array<const float*, kTileRegisters> registers{};
    for (size_t i = 0; i < program_.loads; ++i) {
      if (!loops_.uniform(i)) continue;
      tiles[i].fill(*floats(i));
      registers[i] = tiles[i].data();
    }
    for (int64_t t = begin; t < end; ++t) {
      const Span span = span_of(t);
      for (size_t i = 0; i < program_.loads; ++i) {
        if (!loops_.uniform(i)) registers[i] = load(i, span, tiles[i].data());
      }
      for (size_t i = 0; i < program_.instructions.size(); ++i) {
        const size_t r = program_.loads + i;
        registers[r] = compute(program_.instructions[i], registers.data(), span, target(r, span, tiles[r].data()));
      }
      for (size_t s = 0; s < program_.stored.size(); ++s) store(s, span, registers[program_.stored[s].reg]);
    }
  }

 private:
  // Every operand is, so that tiles of several rows are computed where they stand.
  bool is_contiguous() const {
    for (size_t i = 0; i < loops_.strides.size(); ++i) {
      if (!loops_.contiguous(i) && !loops_.uniform(i)) return false;
    }
    return true;
  }

  Span span_of(int64_t tile) const {
    const int64_t row = tile / pieces_ * rows_;
    const int64_t column = tile % pieces_ * columns_;
    return {row, std::min(rows_, loops_.rows() - row), column, std::min(columns_, loops_.inner() - column)};
  }

  // Where the operand's part of the tile stands, if its elements lie there one after another; else null.
  float* in_place(size_t operand, const Span& span) const {
    const bool one_row = span.rows == 1 && loops_.inner_stride(operand) == 1;
    if (!one_row && !loops_.contiguous(operand)) return nullptr;
    return floats(operand) + loops_.row(operand, span.row) + span.column;
  }

  const float* load(size_t operand, const Span& span, float* tile) const {
    if (const float* direct = in_place(operand, span)) return direct;
    const int64_t stride = loops_.inner_stride(operand);
    for (int64_t r = 0; r < span.rows; ++r) {
      const float* from = floats(operand) + loops_.row(operand, span.row + r) + span.column * stride;
      load_row(from, stride, span.columns, tile + r * span.columns);
    }
    return tile;
  }

  // A result is computed where it is to be stored, if it can be.
  float* target(size_t reg, const Span& span, float* tile) const {
    for (size_t s = 0; s < program_.stored.size(); ++s) {
      if (program_.stored[s].reg != reg || program_.stored[s].narrow) continue;
      if (float* direct = in_place(program_.loads + s, span)) return direct;
    }
    return tile;
  }

  static const float* compute(const TileInstruction& instruction, const float* const* registers, const Span& span,
                              float* out) {
    const Operands operands{registers[instruction.a], registers[instruction.b], registers[instruction.c],
                            instruction.immediate};
    const auto function = instruction.integers ? apply_integers : apply;
    function(instruction.op, operands, out, span.count());
    round_to(instruction.rounding, {out, span.count()});
    return out;
  }

  void store(size_t s, const Span& span, const float* tile) const {
    const size_t operand = program_.loads + s;
    const bool narrow = program_.stored[s].narrow;
    if (!narrow && in_place(operand, span) != nullptr) return;  // computed there
    const int64_t stride = loops_.inner_stride(operand);
    for (int64_t r = 0; r < span.rows; ++r) {
      const int64_t at = loops_.row(operand, span.row + r) + span.column * stride;
      const float* from = tile + r * span.columns;
      narrow ? narrow_row(from, span.columns, reinterpret_cast<BFloat16*>(operands_[operand]) + at, stride)
             : store_row(from, span.columns, floats(operand) + at, stride);
    }
  }

  float* floats(size_t operand) const { return reinterpret_cast<float*>(operands_[operand]); }

  const TileProgram& program_;
  const Loops& loops_;
  std::span<std::byte* const> operands_;
  int64_t columns_, rows_, pieces_;
};

}  // namespace

void run_tiles(const TileProgram& program, std::span<std::byte* const> operands) {
  const TileRun run(program, operands);
  parallel_for(run.tiles(), kGrain, [&](int64_t begin, int64_t end) { run.run(begin, end); });
}

}  // namespace anemone::cpu
