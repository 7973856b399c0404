// Rows of RGB as rows of YUV, for every instruction set (Highway).
#pragma once

#include <cstddef>
#include <cstdint>

namespace streamdiffusion::image {

/// Coefficients of RGB to YUV in 16.16 fixed point: Y = y_offset + y[0] R + y[1] G + y[2] B, and so
/// U and V from 128 on. Those of Y are 0..65535, their sum is 1 at most; those of U and V are
/// -32768..32768.
struct RgbToYuv {
  int y_offset;
  int y[3], u[3], v[3];
};

/// Where two rows go: Y of both, [width], and U and V, [(width + 1) / 2]. In place of `v` NULL: U
/// and V are interleaved at `u`.
struct YuvTarget {
  std::uint8_t *luma, *luma_below, *u, *v;
};

/// Two rows of RGB, [width, 3], to YUV: every Y is of its pixel, every U and V of the mean of 2x2,
/// and all are rounded to the nearest. The last row of an odd number is its own neighbor.
void rgb_to_yuv(const std::uint8_t* row, const std::uint8_t* below, std::size_t width,
                const RgbToYuv& matrix, const YuvTarget& to);

}  // namespace streamdiffusion::image
