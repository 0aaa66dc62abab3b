// Convolutions of width 3 on the chips that compute them by Winograd's algorithm (arithmetic/winograd.h).
#include "device/sim/arithmetic/winograd.h"

#include "device/sim/rules/convolution.h"

namespace anemone::sim {
namespace {

bool is_plain(const mil::Window& w) { return w.stride == 1 && w.dilation == 1; }

// What is shared by the steps: images of `height` rows, kernels of `rows`, results in tiles of two along the width.
struct Tiles {
  mil::Window vertical, horizontal;
  int64_t channels, results;
  int64_t tiles() const { return (horizontal.out() + 1) / 2; }
  int64_t places() const { return vertical.out() * tiles(); }
  int64_t terms() const { return channels * vertical.kernel; }
};

Tiles tiles_of(const Convolution& c) {
  const mil::Window one{.size = 1, .kernel = 1, .stride = 1, .dilation = 1, .before = 0, .after = 0};
  return {c.windows.size() == 1 ? one : c.windows[0], c.windows.back(), c.channels, c.results};
}

// u of a weight [results, channels, rows, 3]: [4][results, channels·rows].
std::vector<Half> transformed_weight(const Half* weight, int64_t kernels) {
  std::vector<Half> u(size_t(4 * kernels));
  for (int64_t i = 0; i < kernels; ++i) {
    const Four four = transformed_kernel(weight[3 * i], weight[3 * i + 1], weight[3 * i + 2]);
    for (size_t j = 0; j < 4; ++j) u[j * size_t(kernels) + size_t(i)] = four[j];
  }
  return u;
}

// v of one image for the term (channel, kernel row): [4] planes of [places], `plane` elements apart.
void transform_row(const Tiles& t, const Half* image, int64_t term, Half* v, int64_t plane) {
  const int64_t channel = term / t.vertical.kernel, row = term % t.vertical.kernel;
  for (int64_t y = 0; y < t.vertical.out(); ++y) {
    const int64_t line = y + row - t.vertical.before;
    const auto pixel = [&](int64_t column) -> Half {
      const bool inside = line >= 0 && line < t.vertical.size && column >= 0 && column < t.horizontal.size;
      return inside ? image[(channel * t.vertical.size + line) * t.horizontal.size + column] : Half{};
    };
    for (int64_t tile = 0; tile < t.tiles(); ++tile) {
      const int64_t x = 2 * tile - t.horizontal.before;
      const Four four = transformed_pixels(pixel(x), pixel(x + 1), pixel(x + 2), pixel(x + 3));
      for (size_t j = 0; j < 4; ++j) v[int64_t(j) * plane + term * t.places() + y * t.tiles() + tile] = four[j];
    }
  }
}

// The results of one channel from its four sums [places], `plane` elements apart.
void settle_channel(const Tiles& t, const double* m, int64_t plane, Half* to) {
  for (int64_t place = 0; place < t.places(); ++place) {
    const double m0 = m[place], m1 = m[plane + place], m2 = m[2 * plane + place], m3 = m[3 * plane + place];
    const int64_t x = 2 * (place % t.tiles());
    Half* const row = to + place / t.tiles() * t.horizontal.out();
    row[x] = even(m0, m1, m2);
    if (x + 1 < t.horizontal.out()) row[x + 1] = odd(m1, m2, m3);
  }
}

}  // namespace

bool is_winograd(const Lowering& l, const Node& node, const Convolution& c) {
  const mil::Chip chip = l.target().profile.chip;
  if (chip != mil::Chip::m5 && chip != mil::Chip::m6) return false;
  const mil::ValueId weight = node.operand("weight");
  const mil::Operation* producer = l.producer(weight);
  const bool sparse = producer != nullptr && producer->op->name == "constexpr_sparse_to_dense";
  if (l.constant(weight) == nullptr || sparse || c.groups != 1 || c.windows.size() > 2) return false;
  const bool short_rows = c.windows.size() == 1 || c.windows[0].kernel == 1 || c.windows[0].kernel == 3;
  return std::ranges::all_of(c.windows, is_plain) && c.windows.back().kernel == 3 && short_rows;
}

void lower_winograd(Lowering& l, const Node& node, const Convolution& c) {
  l.note(Choice::winograd_when);
  l.note(Choice::winograd_overflow);
  const Tiles t = tiles_of(c);
  const View x = l.read_packed(node.operand("x")), result = l.result(node.result());
  const int64_t kernels = t.results * t.terms();
  const View u = l.constant_view(transformed_weight(l.constant_halves(node.operand("weight")).data(), kernels),
                                 {4, t.results, t.terms()});
  const View v = l.temporary({4, t.terms(), t.places()});
  const View sums = l.temporary_doubles({4, t.results, t.places()});
  std::optional<View> bias;
  if (node.has("bias")) {
    l.note(Choice::winograd_bias);
    bias = l.read_packed(node.operand("bias"));
  }
  const Product p{.rows = t.results,
                  .inner = t.terms(),
                  .columns = t.places(),
                  .a = {t.terms(), 1},
                  .b = {t.places(), 1},
                  .c = {t.places(), 1}};
  l.reserve_scratch(p.scratch_floats());
  l.emit([=, multiply = l.kernels().multiply](const Memory& m) {
    const int64_t image = t.channels * t.vertical.size * t.horizontal.size;
    const int64_t pixels = t.terms() * t.places(), plane = t.results * t.places();
    for (int64_t n = 0; n < c.images; ++n) {
      parallel_for(t.terms(), 1, [&](int64_t begin, int64_t end) {
        for (int64_t term = begin; term < end; ++term) {
          transform_row(t, m.at(x) + n * image, term, m.at(v), pixels);
        }
      });
      for (int64_t j = 0; j < 4; ++j) {
        const Half* first = j == 1 && bias ? m.at(*bias) : nullptr;
        multiply(p, m.at(u) + j * kernels, m.at(v) + j * pixels, first, {.sums = m.doubles_at(sums) + j * plane},
                 m.scratch());
      }
      Half* const to = m.at(result) + n * t.results * c.places;
      parallel_for(t.results, 1, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          settle_channel(t, m.doubles_at(sums) + r * t.places(), plane, to + r * c.places);
        }
      });
    }
  });
}

}  // namespace anemone::sim
