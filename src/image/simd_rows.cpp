#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "image/simd_rows.cpp"
#include "hwy/foreach_target.h"
// foreach_target must come first
#include "hwy/highway.h"
#include "image/simd_rows.h"

HWY_BEFORE_NAMESPACE();
namespace streamdiffusion::image {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using U8 = hn::ScalableTag<std::uint8_t>;

#if HWY_TARGET != HWY_SCALAR
/// Four pixels of four bytes at a time become twelve bytes; the four bytes stored behind them are
/// overwritten by the next. Returns how many pixels are done.
std::size_t four_to_three(const std::uint8_t* from, const PackedLayout& layout, std::size_t width,
                          std::uint8_t* to) {
  const hn::FixedTag<std::uint8_t, 16> d;
  std::uint8_t order[16] = {};
  for (int pixel = 0; pixel < 4; ++pixel) {
    order[3 * pixel] = static_cast<std::uint8_t>(4 * pixel + layout.r);
    order[3 * pixel + 1] = static_cast<std::uint8_t>(4 * pixel + layout.g);
    order[3 * pixel + 2] = static_cast<std::uint8_t>(4 * pixel + layout.b);
  }
  const auto table = hn::LoadU(d, order);
  std::size_t x = 0;
  for (; x + 6 <= width; x += 4)
    hn::StoreU(hn::TableLookupBytes(hn::LoadU(d, from + 4 * x), table), d, to + 3 * x);
  return x;
}

/// Back: sixteen bytes are read, of which twelve count. Returns how many pixels are done.
std::size_t three_to_four(const std::uint8_t* from, const PackedLayout& layout, std::size_t width,
                          std::uint8_t* to) {
  const hn::FixedTag<std::uint8_t, 16> d;
  std::uint8_t order[16], alpha[16] = {};
  for (int pixel = 0; pixel < 4; ++pixel) {
    std::uint8_t* place = order + 4 * pixel;
    const auto first = static_cast<std::uint8_t>(3 * pixel);
    place[layout.r] = first;
    place[layout.g] = static_cast<std::uint8_t>(first + 1);
    place[layout.b] = static_cast<std::uint8_t>(first + 2);
    place[layout.alpha] = first;
    alpha[4 * pixel + layout.alpha] = 255;
  }
  const auto table = hn::LoadU(d, order), opaque = hn::LoadU(d, alpha);
  std::size_t x = 0;
  for (; x + 6 <= width; x += 4) {
    const auto pixels = hn::TableLookupBytes(hn::LoadU(d, from + 3 * x), table);
    hn::StoreU(hn::Or(pixels, opaque), d, to + 4 * x);
  }
  return x;
}
#endif

void PackedToRgb(const std::uint8_t* from, const PackedLayout& layout, std::size_t width,
                 std::uint8_t* to) {
  const U8 d;
  const std::size_t lanes = hn::Lanes(d), bytes = static_cast<std::size_t>(layout.bytes);
  std::size_t x = 0;
  if (bytes == 3) {
    for (; x + lanes <= width; x += lanes) {
      hn::Vec<U8> c[3];
      hn::LoadInterleaved3(d, from + 3 * x, c[0], c[1], c[2]);
      hn::StoreInterleaved3(c[layout.r], c[layout.g], c[layout.b], d, to + 3 * x);
    }
  } else {
#if HWY_TARGET != HWY_SCALAR
    x = four_to_three(from, layout, width, to);
#endif
  }
  for (; x < width; ++x) {
    to[3 * x] = from[bytes * x + static_cast<std::size_t>(layout.r)];
    to[3 * x + 1] = from[bytes * x + static_cast<std::size_t>(layout.g)];
    to[3 * x + 2] = from[bytes * x + static_cast<std::size_t>(layout.b)];
  }
}

void RgbToPacked(const std::uint8_t* from, const PackedLayout& layout, std::size_t width,
                 std::uint8_t* to) {
  const U8 d;
  const std::size_t lanes = hn::Lanes(d), bytes = static_cast<std::size_t>(layout.bytes);
  std::size_t x = 0;
  if (bytes == 3) {
    for (; x + lanes <= width; x += lanes) {
      hn::Vec<U8> r, g, b;
      hn::LoadInterleaved3(d, from + 3 * x, r, g, b);
      hn::Vec<U8> c[3] = {r, g, b};
      c[layout.r] = r;
      c[layout.g] = g;
      c[layout.b] = b;
      hn::StoreInterleaved3(c[0], c[1], c[2], d, to + 3 * x);
    }
  } else {
#if HWY_TARGET != HWY_SCALAR
    x = three_to_four(from, layout, width, to);
#endif
  }
  for (; x < width; ++x) {
    std::uint8_t* pixel = to + bytes * x;
    pixel[layout.r] = from[3 * x];
    pixel[layout.g] = from[3 * x + 1];
    pixel[layout.b] = from[3 * x + 2];
    if (layout.alpha >= 0) pixel[layout.alpha] = 255;
  }
}

/// Products of 16 bits, of which so many are a fraction; the nearest, a half upwards.
int product(int a, int b) {
  return (a * b + (1 << 14)) >> 15;
}

std::uint8_t byte_of(int fixed) {
  const int value = fixed >> kYuvFraction;
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

void yuv_pixel(int luma, int u, int v, const YuvToRgb& m, std::uint8_t* to) {
  const int base = product(luma << kLumaBits, m.y) + m.start;
  const int du = (u - 128) << kChromaBits, dv = (v - 128) << kChromaBits;
  to[0] = byte_of(base + product(dv, m.rv));
  to[1] = byte_of(base + product(du, m.gu) + product(dv, m.gv));
  to[2] = byte_of(base + product(du, m.bu));
}

#if HWY_TARGET != HWY_SCALAR
/// A lane has the two pixels of a pair: Y of the first in its low byte, of the second in its high
/// byte, and so U and V of both. So nothing has to be moved to another lane.
using U16 = hn::Repartition<std::uint16_t, U8>;
using I16 = hn::Repartition<std::int16_t, U8>;
using V16 = hn::Vec<I16>;

HWY_INLINE V16 same(int value) {
  return hn::Set(I16(), static_cast<std::int16_t>(value));
}

/// One color of both pixels of all pairs.
HWY_INLINE hn::Vec<U8> color_of(V16 first, V16 second, V16 chroma) {
  const V16 zero = hn::Zero(I16()), most = same((256 << kYuvFraction) - 1);
  const V16 low = hn::Min(hn::Max(hn::Add(first, chroma), zero), most);
  const V16 high = hn::Min(hn::Max(hn::Add(second, chroma), zero), most);
  const V16 high_byte = hn::And(hn::ShiftLeft<8 - kYuvFraction>(high), same(0xff00));
  return hn::BitCast(U8(), hn::Or(hn::ShiftRight<kYuvFraction>(low), high_byte));
}

/// What the chroma of the pairs adds to both of their pixels.
struct Chroma {
  V16 r, g, b;
};

/// U and V of as many pixels as there are bytes in a vector, from column x on.
template <bool kInterleaved>
HWY_INLINE V16 load_chroma(const YuvSource& from, std::size_t x) {
  if constexpr (kInterleaved) return hn::BitCast(I16(), hn::LoadU(U8(), from.u + x));
  const hn::Rebind<std::uint8_t, U16> half;
  const auto u = hn::PromoteTo(U16(), hn::LoadU(half, from.u + x / 2));
  const auto v = hn::PromoteTo(U16(), hn::LoadU(half, from.v + x / 2));
  return hn::BitCast(I16(), hn::Or(u, hn::ShiftLeft<8>(v)));
}

HWY_INLINE Chroma chroma_of(V16 pairs, const YuvToRgb& m) {
  const V16 sign = same(0x8000);
  const V16 u = hn::Xor(hn::ShiftLeft<kChromaBits>(pairs), sign);
  const V16 v = hn::Xor(hn::And(pairs, same(0xff00)), sign);
  const V16 green = hn::Add(hn::MulFixedPoint15(u, same(m.gu)), hn::MulFixedPoint15(v, same(m.gv)));
  return {hn::MulFixedPoint15(v, same(m.rv)), green, hn::MulFixedPoint15(u, same(m.bu))};
}

HWY_INLINE void rgb_of(const std::uint8_t* luma, const Chroma& chroma, const YuvToRgb& m,
                       std::uint8_t* to) {
  const V16 mask = same(0xff << kLumaBits), start = same(m.start), weight = same(m.y);
  const auto y = hn::BitCast(U16(), hn::LoadU(U8(), luma));
  const V16 even = hn::And(hn::BitCast(I16(), hn::ShiftLeft<kLumaBits>(y)), mask);
  const V16 odd = hn::And(hn::BitCast(I16(), hn::ShiftRight<8 - kLumaBits>(y)), mask);
  const V16 first = hn::Add(hn::MulFixedPoint15(even, weight), start);
  const V16 second = hn::Add(hn::MulFixedPoint15(odd, weight), start);
  hn::StoreInterleaved3(color_of(first, second, chroma.r), color_of(first, second, chroma.g),
                        color_of(first, second, chroma.b), U8(), to);
}

/// As many pixels as there are bytes in a vector at a time. Returns how many are done.
template <bool kInterleaved, bool kBelow>
HWY_INLINE std::size_t many_pixels(const YuvSource& from, std::size_t width, const YuvToRgb& m,
                                   std::uint8_t* to, std::uint8_t* below) {
  const std::size_t lanes = hn::Lanes(U8());
  std::size_t x = 0;
  for (; x + lanes <= width; x += lanes) {
    const Chroma chroma = chroma_of(load_chroma<kInterleaved>(from, x), m);
    rgb_of(from.luma + x, chroma, m, to + 3 * x);
    if constexpr (kBelow) rgb_of(from.luma_below + x, chroma, m, below + 3 * x);
  }
  return x;
}
#endif

void YuvRows(const YuvSource& from, std::size_t width, const YuvToRgb& m, std::uint8_t* to,
             std::uint8_t* below) {
  std::size_t x = 0;
  const bool pair = from.luma_below != nullptr;
#if HWY_TARGET != HWY_SCALAR
  const auto many = from.v == nullptr
                        ? (pair ? many_pixels<true, true> : many_pixels<true, false>)
                        : (pair ? many_pixels<false, true> : many_pixels<false, false>);
  x = many(from, width, m, to, below);
#endif
  for (; x < width; ++x) {
    const std::size_t at = from.v == nullptr ? x / 2 * 2 : x / 2;
    const int u = from.u[at], v = from.v == nullptr ? from.u[at + 1] : from.v[at];
    yuv_pixel(from.luma[x], u, v, m, to + 3 * x);
    if (pair) yuv_pixel(from.luma_below[x], u, v, m, below + 3 * x);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace streamdiffusion::image
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace streamdiffusion::image {

HWY_EXPORT(PackedToRgb);
HWY_EXPORT(RgbToPacked);
HWY_EXPORT(YuvRows);

void packed_to_rgb(const std::uint8_t* from, const PackedLayout& layout, std::size_t width,
                   std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(PackedToRgb)(from, layout, width, to);
}

void rgb_to_packed(const std::uint8_t* from, const PackedLayout& layout, std::size_t width,
                   std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(RgbToPacked)(from, layout, width, to);
}

void yuv_to_rgb(const YuvSource& from, std::size_t width, const YuvToRgb& matrix, std::uint8_t* to,
                std::uint8_t* below) {
  HWY_DYNAMIC_DISPATCH(YuvRows)(from, width, matrix, to, below);
}

}  // namespace streamdiffusion::image
#endif
