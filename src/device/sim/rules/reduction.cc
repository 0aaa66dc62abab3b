// Reductions: in halves, element i with element i + ⌈n/2⌉ until one is left. The engine's order is not known (Choice).
#include <algorithm>

#include "device/parts.h"
#include "device/sim/lowering.h"

namespace anemone::sim {
namespace {

// x as [outer, n, inner], in order, with n what is reduced.
struct Parted {
  View x;
  int64_t outer = 1, n = 1, inner = 1;
};

Parted parted(Lowering& l, mil::ValueId x, const std::vector<bool>& reduced) {
  const auto first = std::ranges::find(reduced, true), last = std::find(reduced.rbegin(), reduced.rend(), true).base();
  const bool together = first < last && std::all_of(first, last, [](bool r) { return r; });
  Parted p;
  if (together) {
    p.x = l.read_packed(x);
    for (size_t d = 0; d < reduced.size(); ++d) {
      const bool before = reduced.begin() + int64_t(d) < first;
      (reduced[d] ? p.n : before ? p.outer : p.inner) *= p.x.shape[d];
    }
    return p;
  }
  std::vector<int64_t> perm;
  for (bool wanted : {false, true}) {
    for (size_t d = 0; d < reduced.size(); ++d) {
      if (reduced[d] == wanted) perm.push_back(int64_t(d));
    }
  }
  const View turned = permuted(l.read(x), perm);
  p.x = l.temporary(turned.shape);
  l.emit_copy(turned, p.x);
  for (size_t d = 0; d < reduced.size(); ++d) (reduced[d] ? p.n : p.outer) *= l.shape(x)[d];
  return p;
}

struct Tree {
  decltype(Kernels::combine) combine;
  Combination how;
  int64_t n, inner;

  // Columns [begin, begin + count) of `from` [n, inner] to those of `work` [⌈n/2⌉, inner], whose first row is the
  // result.
  void reduce(const Half* from, Half* work, int64_t begin, int64_t count) const {
    for (int64_t left = n; left > 1 || from != work;) {
      const int64_t half = (left + 1) / 2, pairs = left - half;
      for_rows(pairs, count, [&](int64_t row, int64_t elements) {
        const int64_t at = row * inner + begin;
        combine(how, {from + at, 1}, {from + at + half * inner, 1}, work + at, elements);
      });
      if (from != work) {
        for_rows(half - pairs, count, [&](int64_t row, int64_t elements) {
          const int64_t at = (pairs + row) * inner + begin;
          std::copy_n(from + at, elements, work + at);
        });
      }
      from = work;
      left = half;
    }
  }

 private:
  // Rows one by one; where they are of one element, all at once.
  template <class Body>
  void for_rows(int64_t rows, int64_t count, const Body& body) const {
    if (inner == 1) return rows > 0 ? body(0, rows) : void();
    for (int64_t row = 0; row < rows; ++row) body(row, count);
  }
};

// The reduction of x [outer, n, inner] to [outer, inner], which stands at the first row of each of `work`.
void emit_tree(Lowering& l, Combination how, const Parted& p, const View& work) {
  const Tree tree{l.kernels().combine, how, p.n, p.inner};
  const int64_t rows = work.shape[1];
  const Loops loops{{p.outer, p.inner}, {}};
  l.emit([=, x = p.x](const Memory& m) {
    for_each_run(loops, [&](int64_t outer, int64_t begin, int64_t count) {
      tree.reduce(m.at(x) + outer * tree.n * tree.inner, m.at(work) + outer * rows * tree.inner, begin, count);
    });
  });
}

View reduced_view(Lowering& l, const Node& node, Combination how) {
  const Parted p = parted(l, node.operand("x"), reduced_axes(node.call));
  const View work = l.temporary({p.outer, (p.n + 1) / 2, p.inner});
  emit_tree(l, how, p, work);
  View first = sliced(work, 1, 0, 1);
  const View copied = l.temporary(first.shape);
  l.emit_copy(first, copied);
  return *reshaped(copied, l.shape(node.result()));
}

template <Combination kHow>
Result<> lower_reduction(Lowering& l, const Node& node) {
  if (kHow == Combination::add) l.note(Choice::reduction_order);
  l.define(node.result(), reduced_view(l, node, kHow));
  return {};
}

Result<> lower_mean(Lowering& l, const Node& node) {
  l.note(Choice::reduction_order);
  const View sum = reduced_view(l, node, Combination::add);
  const auto count = double(node.call.type("x").count()) / double(std::max<int64_t>(1, sum.count()));
  const View share = l.constant_view({Half::from(1 / count)}, mil::Shape(sum.shape.size(), 1));
  l.emit_combine(Combination::mul, sum, share, l.result(node.result()));
  return {};
}

}  // namespace

std::vector<Rule> reduction_rules() {
  return {{"reduce_sum", lower_reduction<Combination::add>},
          {"reduce_max", lower_reduction<Combination::maximum>},
          {"reduce_min", lower_reduction<Combination::minimum>},
          {"reduce_mean", lower_mean}};
}

}  // namespace anemone::sim
