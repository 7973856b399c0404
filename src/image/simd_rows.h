// Rows of pixels from one layout to another, for every instruction set (Highway).
#pragma once

#include <cstddef>
#include <cstdint>

namespace streamdiffusion::image {

/// Where the bytes of a pixel of a packed layout lie. `alpha` is -1 where there is none.
struct PackedLayout {
  int bytes, r, g, b, alpha;
};

/// [width, layout.bytes] to RGB, [width, 3].
void packed_to_rgb(const std::uint8_t* from, const PackedLayout& layout, std::size_t width,
                   std::uint8_t* to);
/// Back; alpha becomes 255.
void rgb_to_packed(const std::uint8_t* from, const PackedLayout& layout, std::size_t width,
                   std::uint8_t* to);

/// Coefficients of YUV to RGB: with U' = U - 128 and V' = V - 128, R = start + y Y + rv V',
/// G = start + y Y + gu U' + gv V', B = start + y Y + bu U'. The sums have kYuvFraction bits of
/// fraction, and each product is rounded to them: all fits into 16 bits. `start` has the offset of
/// Y and the half that rounds. So a color is at most 0.58 from the exact one.
struct YuvToRgb {
  int start, y, rv, gu, gv, bu;
};
constexpr int kYuvFraction = 5;
/// Y and U', V' are shifted by so many bits, before they are multiplied by coefficients of 15 bits
/// of fraction.
constexpr int kLumaBits = 7, kChromaBits = 8;

/// Two rows of Y, [width], or one where `luma_below` is NULL, and their U and V,
/// [(width + 1) / 2]. In place of `v` NULL: U and V are interleaved at `u`.
struct YuvSource {
  const std::uint8_t *luma, *luma_below, *u, *v;
};

/// To RGB, [width, 3]: the rows of `from` to `to` and `below`.
void yuv_to_rgb(const YuvSource& from, std::size_t width, const YuvToRgb& matrix, std::uint8_t* to,
                std::uint8_t* below);

}  // namespace streamdiffusion::image
