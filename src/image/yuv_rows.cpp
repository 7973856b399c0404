#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "image/yuv_rows.cpp"
#include "hwy/foreach_target.h"
// foreach_target must come first
#include <algorithm>

#include "hwy/highway.h"
#include "image/yuv_rows.h"

HWY_BEFORE_NAMESPACE();
namespace streamdiffusion::image {
namespace HWY_NAMESPACE {
namespace yuv_rows {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int kLumaFraction = 16;
/// Of a sum over 2x2 pixels.
constexpr int kChromaFraction = 18;

constexpr int rounding(int offset, int fraction) {
  return (offset << fraction) + (1 << (fraction - 1));
}

int weighted(const int (&weights)[3], const int (&rgb)[3]) {
  return weights[0] * rgb[0] + weights[1] * rgb[1] + weights[2] * rgb[2];
}

std::uint8_t byte_of(int fixed, int fraction) {
  return static_cast<std::uint8_t>(std::clamp(fixed >> fraction, 0, 255));
}

void luma_pixel(const std::uint8_t* rgb, const RgbToYuv& m, std::uint8_t* to) {
  *to = byte_of(weighted(m.y, {rgb[0], rgb[1], rgb[2]}) + rounding(m.y_offset, kLumaFraction),
                kLumaFraction);
}

/// The 2x2 pixels from column x on, or the 1x2 of the last column.
void pixels(const std::uint8_t* row, const std::uint8_t* below, std::size_t x, std::size_t width,
            const RgbToYuv& m, const YuvTarget& to) {
  const std::size_t columns = std::min<std::size_t>(2, width - x);
  for (std::size_t i = x; i < x + columns; ++i) {
    luma_pixel(row + 3 * i, m, to.luma + i);
    luma_pixel(below + 3 * i, m, to.luma_below + i);
  }
  const std::size_t here = 3 * x, next = 3 * (x + columns - 1);
  int sum[3];
  for (std::size_t c = 0; c < 3; ++c)
    sum[c] = row[here + c] + row[next + c] + below[here + c] + below[next + c];
  constexpr int middle = rounding(128, kChromaFraction);
  const std::uint8_t u = byte_of(weighted(m.u, sum) + middle, kChromaFraction);
  const std::uint8_t v = byte_of(weighted(m.v, sum) + middle, kChromaFraction);
  const bool interleaved = to.v == nullptr;
  to.u[interleaved ? x : x / 2] = u;
  (interleaved ? to.u + x + 1 : to.v + x / 2)[0] = v;
}

#if HWY_TARGET != HWY_SCALAR

/// One block of 16 bytes, or two where there are vectors of that size. Block b is of the 16 columns
/// from 16 b on.
using D8 = hn::CappedTag<std::uint8_t, 32>;
using D16 = hn::Repartition<std::int16_t, D8>;
using D32 = hn::Repartition<std::int32_t, D8>;
using V8 = hn::Vec<D8>;
using V16 = hn::Vec<D16>;
using V32 = hn::Vec<D32>;

/// Stands for a byte that becomes 0.
constexpr std::uint8_t kNone = 0x80;
struct Table {
  std::uint8_t from[16];
};

/// Two of the channels of four pixels as 16 bits, side by side; the pixels begin at `first`.
constexpr Table pair_table(int first, int one, int other) {
  Table table{};
  for (int i = 0; i < 4; ++i) {
    std::uint8_t* pixel = table.from + 4 * i;
    pixel[0] = static_cast<std::uint8_t>(first + 3 * i + one);
    pixel[2] = static_cast<std::uint8_t>(first + 3 * i + other);
    pixel[1] = pixel[3] = kNone;
  }
  return table;
}

/// The whole parts of four Y to their place among sixteen.
constexpr Table luma_table(int four) {
  Table table{};
  std::fill(table.from, table.from + 16, kNone);
  for (int i = 0; i < 4; ++i) table.from[4 * four + i] = static_cast<std::uint8_t>(4 * i + 2);
  return table;
}

/// Four U and V, which lie as columns 0, 2, 1, 3, to their place among eight.
constexpr Table chroma_table(int eight, bool interleaved) {
  constexpr int lane_of[4] = {0, 2, 1, 3};
  Table table{};
  std::fill(table.from, table.from + 16, kNone);
  for (int i = 0; i < 4; ++i) {
    const int at = 4 * eight + i;
    table.from[interleaved ? 2 * at : at] = static_cast<std::uint8_t>(4 * lane_of[i]);
    table.from[interleaved ? 2 * at + 1 : 8 + at] = static_cast<std::uint8_t>(4 * lane_of[i] + 1);
  }
  return table;
}

HWY_INLINE V8 looked_up(V8 bytes, const Table& table) {
  return hn::TableLookupBytesOr0(bytes, hn::LoadDup128(D8(), table.from));
}

template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const std::uint8_t* rgb) {
  if constexpr (hn::MaxLanes(D()) == 32) {
    const hn::Half<D> block;
    return hn::Combine(d, hn::LoadU(block, rgb + 48), hn::LoadU(block, rgb));
  } else {
    return hn::LoadU(d, rgb);
  }
}

/// Of four pixels in each block: R and G, and G and B, in turn.
struct Fours {
  V16 rg, gb;
};

/// The last four are loaded with what is before them, since nothing may be read behind.
template <int kFour>
HWY_INLINE Fours load_fours(const std::uint8_t* rgb) {
  constexpr int start = kFour < 3 ? 12 * kFour : 32, first = 12 * kFour - start;
  static constexpr Table rg = pair_table(first, 0, 1), gb = pair_table(first, 1, 2);
  const V8 bytes = load_blocks(D8(), rgb + start);
  return {hn::BitCast(D16(), looked_up(bytes, rg)), hn::BitCast(D16(), looked_up(bytes, gb))};
}

/// Weights of a pair of channels.
HWY_INLINE V16 pair_of(int one, int other) {
  const auto low = static_cast<std::uint32_t>(one) & 0xffffU;
  const auto high = static_cast<std::uint32_t>(other) << 16U;
  return hn::BitCast(D16(), hn::Set(D32(), static_cast<std::int32_t>(high | low)));
}

struct Weights {
  V16 rg, gb;

  HWY_INLINE V32 sum(const Fours& pixels) const {
    V32 rest = hn::Zero(D32());
    V32 sum = hn::ReorderWidenMulAccumulate(D32(), pixels.rg, rg, hn::Zero(D32()), rest);
    sum = hn::ReorderWidenMulAccumulate(D32(), pixels.gb, gb, sum, rest);
    return hn::RearrangeToOddPlusEven(sum, rest);
  }
};

/// Weights of 16 bits with a sign: G of Y is parted in two, and U and V are subtracted, so that 1/2
/// fits.
struct Matrix {
  explicit Matrix(const RgbToYuv& m)
      : y{pair_of(m.y[0], m.y[1] / 2), pair_of(m.y[1] - m.y[1] / 2, m.y[2])},
        u{pair_of(-m.u[0], -m.u[1]), pair_of(0, -m.u[2])},
        v{pair_of(-m.v[0], -m.v[1]), pair_of(0, -m.v[2])},
        y_start(hn::Set(D32(), rounding(m.y_offset, kLumaFraction))) {}
  Weights y, u, v;
  V32 y_start;
};

template <int kFour>
HWY_INLINE V8 luma_of(const Fours& pixels, const Matrix& m) {
  static constexpr Table table = luma_table(kFour);
  return looked_up(hn::BitCast(D8(), hn::Add(m.y.sum(pixels), m.y_start)), table);
}

/// Of the columns 0 to 7 of a block, from 0 to 3 and from 4 to 7: the sums of neighbors, as columns
/// of chroma 0, 2, 1, 3.
HWY_INLINE V16 neighbors(V16 left, V16 right) {
  const V32 a = hn::BitCast(D32(), left), b = hn::BitCast(D32(), right);
  const V32 even = hn::OddEven(hn::Shuffle2301(b), a), odd = hn::OddEven(b, hn::Shuffle2301(a));
  return hn::Add(hn::BitCast(D16(), even), hn::BitCast(D16(), odd));
}

HWY_INLINE V32 chroma_bytes(const Weights& weights, const Fours& sums) {
  const V32 middle = hn::Set(D32(), rounding(128, kChromaFraction));
  const V32 most = hn::Set(D32(), (256 << kChromaFraction) - 1);
  const V32 fixed = hn::Min(hn::Sub(middle, weights.sum(sums)), most);
  return hn::ShiftRight<kChromaFraction>(fixed);
}

HWY_INLINE Fours added(const Fours& a, const Fours& b) {
  return {hn::Add(a.rg, b.rg), hn::Add(a.gb, b.gb)};
}

/// Y and chroma of 8 columns of both rows, which `add` is given.
template <int kEight, bool kInterleaved>
HWY_INLINE void add_eight(const std::uint8_t* row, const std::uint8_t* below, const Matrix& m,
                          V8 (&bytes)[3]) {
  constexpr int left = 2 * kEight, right = left + 1;
  static constexpr Table table = chroma_table(kEight, kInterleaved);
  const Fours upper_left = load_fours<left>(row), upper_right = load_fours<right>(row);
  const Fours lower_left = load_fours<left>(below), lower_right = load_fours<right>(below);
  const V8 upper = hn::Or(luma_of<left>(upper_left, m), luma_of<right>(upper_right, m));
  const V8 lower = hn::Or(luma_of<left>(lower_left, m), luma_of<right>(lower_right, m));
  const Fours l = added(upper_left, lower_left), r = added(upper_right, lower_right);
  const Fours sums{neighbors(l.rg, r.rg), neighbors(l.gb, r.gb)};
  const V32 u = chroma_bytes(m.u, sums), v = hn::ShiftLeft<8>(chroma_bytes(m.v, sums));
  const V8 chroma = looked_up(hn::BitCast(D8(), hn::Or(u, v)), table);
  bytes[0] = hn::Or(bytes[0], upper);
  bytes[1] = hn::Or(bytes[1], lower);
  bytes[2] = hn::Or(bytes[2], chroma);
}

/// Each block is 8 U, then 8 V.
HWY_INLINE void store_planes(V8 blocks, std::uint8_t* u, std::uint8_t* v) {
  const hn::Repartition<std::uint64_t, D8> eights;
  const hn::Half<D8> half;
  const auto both = hn::BitCast(eights, blocks);
  const auto us = hn::LowerHalf(hn::BitCast(D8(), hn::ConcatEven(eights, both, both)));
  const auto vs = hn::LowerHalf(hn::BitCast(D8(), hn::ConcatOdd(eights, both, both)));
  hn::StoreU(us, half, u);
  hn::StoreU(vs, half, v);
}

/// As many columns as there are lanes. Returns how many are done.
template <bool kInterleaved>
HWY_INLINE std::size_t many_pixels(const std::uint8_t* row, const std::uint8_t* below,
                                   std::size_t width, const RgbToYuv& matrix, const YuvTarget& to) {
  const D8 d;
  const std::size_t lanes = hn::Lanes(d);
  const Matrix m(matrix);
  std::size_t x = 0;
  for (; x + lanes <= width; x += lanes) {
    V8 bytes[3] = {hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    add_eight<0, kInterleaved>(row + 3 * x, below + 3 * x, m, bytes);
    add_eight<1, kInterleaved>(row + 3 * x, below + 3 * x, m, bytes);
    hn::StoreU(bytes[0], d, to.luma + x);
    hn::StoreU(bytes[1], d, to.luma_below + x);
    if constexpr (kInterleaved) {
      hn::StoreU(bytes[2], d, to.u + x);
    } else {
      store_planes(bytes[2], to.u + x / 2, to.v + x / 2);
    }
  }
  return x;
}
#endif

}  // namespace yuv_rows

void RgbToYuvRows(const std::uint8_t* row, const std::uint8_t* below, std::size_t width,
                  const RgbToYuv& matrix, const YuvTarget& to) {
  std::size_t x = 0;
#if HWY_TARGET != HWY_SCALAR
  x = to.v == nullptr ? yuv_rows::many_pixels<true>(row, below, width, matrix, to)
                      : yuv_rows::many_pixels<false>(row, below, width, matrix, to);
#endif
  for (; x < width; x += 2) yuv_rows::pixels(row, below, x, width, matrix, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace streamdiffusion::image
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace streamdiffusion::image {

HWY_EXPORT(RgbToYuvRows);

void rgb_to_yuv(const std::uint8_t* row, const std::uint8_t* below, std::size_t width,
                const RgbToYuv& matrix, const YuvTarget& to) {
  HWY_DYNAMIC_DISPATCH(RgbToYuvRows)(row, below, width, matrix, to);
}

}  // namespace streamdiffusion::image
#endif
