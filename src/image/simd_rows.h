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

/// Coefficients of YUV to RGB in 16.16 fixed point: with Y' = Y - y_offset, U' = U - 128 and
/// V' = V - 128, R = y Y' + rv V', G = y Y' + gu U' + gv V', B = y Y' + bu U'.
struct YuvToRgb {
  int y_offset, y, rv, gu, gv, bu;
};

/// One row of Y, [width], and of U and V, interleaved, each for two pixels, to RGB, [width, 3].
void yuv_to_rgb(const std::uint8_t* luma, const std::uint8_t* uv, std::size_t width,
                const YuvToRgb& matrix, std::uint8_t* to);

}  // namespace streamdiffusion::image
