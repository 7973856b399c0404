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
using I32 = hn::ScalableTag<std::int32_t>;

constexpr int kFraction = 16;

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

std::uint8_t byte_of(int fixed) {
  const int value = (fixed + (1 << (kFraction - 1))) >> kFraction;
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

void yuv_pixel(int luma, int u, int v, const YuvToRgb& m, std::uint8_t* to) {
  const int base = m.y * (luma - m.y_offset), du = u - 128, dv = v - 128;
  to[0] = byte_of(base + m.rv * dv);
  to[1] = byte_of(base + m.gu * du + m.gv * dv);
  to[2] = byte_of(base + m.bu * du);
}

#if HWY_TARGET != HWY_SCALAR
/// Rounds fixed point and cuts it to a byte.
HWY_INLINE auto bytes_of(hn::Vec<I32> fixed) {
  const hn::Rebind<std::uint8_t, I32> d;
  const auto half = hn::Set(I32(), 1 << (kFraction - 1));
  return hn::DemoteTo(d, hn::ShiftRight<kFraction>(hn::Add(fixed, half)));
}

/// As many pixels as there are lanes.
HWY_INLINE void yuv_pixels(const std::uint8_t* luma, const std::uint8_t* uv, const YuvToRgb& m,
                           std::uint8_t* to) {
  const I32 d;
  const hn::Rebind<std::uint8_t, I32> d8;
  const auto both = hn::Sub(hn::PromoteTo(d, hn::LoadU(d8, uv)), hn::Set(d, 128));
  const auto u = hn::DupEven(both), v = hn::DupOdd(both);
  const auto y = hn::Sub(hn::PromoteTo(d, hn::LoadU(d8, luma)), hn::Set(d, m.y_offset));
  const auto base = hn::Mul(y, hn::Set(d, m.y));
  const auto green = hn::Add(hn::Mul(u, hn::Set(d, m.gu)), hn::Mul(v, hn::Set(d, m.gv)));
  hn::StoreInterleaved3(bytes_of(hn::Add(base, hn::Mul(v, hn::Set(d, m.rv)))),
                        bytes_of(hn::Add(base, green)),
                        bytes_of(hn::Add(base, hn::Mul(u, hn::Set(d, m.bu)))), d8, to);
}
#endif

void YuvRow(const std::uint8_t* luma, const std::uint8_t* uv, std::size_t width, const YuvToRgb& m,
            std::uint8_t* to) {
  std::size_t x = 0;
#if HWY_TARGET != HWY_SCALAR
  const std::size_t lanes = hn::Lanes(I32());
  for (; x + lanes <= width; x += lanes) yuv_pixels(luma + x, uv + x, m, to + 3 * x);
#endif
  for (; x < width; ++x) yuv_pixel(luma[x], uv[x / 2 * 2], uv[x / 2 * 2 + 1], m, to + 3 * x);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace streamdiffusion::image
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace streamdiffusion::image {

HWY_EXPORT(PackedToRgb);
HWY_EXPORT(RgbToPacked);
HWY_EXPORT(YuvRow);

void packed_to_rgb(const std::uint8_t* from, const PackedLayout& layout, std::size_t width,
                   std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(PackedToRgb)(from, layout, width, to);
}

void rgb_to_packed(const std::uint8_t* from, const PackedLayout& layout, std::size_t width,
                   std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(RgbToPacked)(from, layout, width, to);
}

void yuv_to_rgb(const std::uint8_t* luma, const std::uint8_t* uv, std::size_t width,
                const YuvToRgb& matrix, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(YuvRow)(luma, uv, width, matrix, to);
}

}  // namespace streamdiffusion::image
#endif
