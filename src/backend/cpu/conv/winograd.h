// Winograd convolution, F(4x4, 3x3) and F(2x2, 3x3) (Lavin and Gray 2015, arXiv 1509.09308).
//
// An output tile Y of m x m pixels is made of an input tile d of (m + 2) x (m + 2) pixels and a
// kernel g of 3 x 3, for each pair of channels:
//
//   Y = A^T [ (G g G^T) * (B^T d B) ] A        * is the product element by element
//
// The sum over input channels is taken inside the brackets. So each of the (m + 2)^2 positions is a
// matmul [tiles, in] x [in, out], and the output transform runs once. A pair of channels costs
// (m + 2)^2 multiplications a tile: 36 instead of 144 for m = 4, 16 instead of 36 for m = 2.
//
// F(4x4, 3x3):
//        | 4  0 -5  0  1  0 |        |  1/4     0     0  |          | 1  1  1  1  1  0 |
//        | 0 -4 -4  1  1  0 |        | -1/6  -1/6  -1/6  |    A^T = | 0  1 -1  2 -2  0 |
//  B^T = | 0  4 -4 -1  1  0 |    G = | -1/6   1/6  -1/6  |          | 0  1  1  4  4  0 |
//        | 0 -2 -1  2  1  0 |        |  1/24  1/12  1/6  |          | 0  1 -1  8 -8  1 |
//        | 0  2 -1 -2  1  0 |        |  1/24 -1/12  1/6  |
//        | 0  4  0 -5  0  1 |        |  0      0    1    |
//
// F(2x2, 3x3):
//        | 1  0 -1  0 |        |  1    0    0  |
//  B^T = | 0  1  1  0 |    G = | 1/2  1/2  1/2 |    A^T = | 1  1  1  0 |
//        | 0 -1  1  0 |        | 1/2 -1/2  1/2 |          | 0  1 -1  1 |
//        | 0 -1  0  1 |        |  0    0    1  |
//
// For m = 2 the paper negates the last row of B^T and the last column of A^T; the signs cancel.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace streamdiffusion::backend::cpu {

/// F(tile x tile, 3x3).
struct WinogradSize {
  /// Side of an output tile: 4 or 2.
  std::int64_t tile = 4;

  /// Side of an input tile.
  constexpr std::int64_t input_tile() const { return tile + 2; }
  /// Elements of a transformed tile.
  constexpr std::int64_t positions() const { return input_tile() * input_tile(); }
};

/// The weight transform G g G^T. `weight` [out, in, 3, 3] as it is stored, `transformed`
/// [positions, in, out]; `out` is a multiple of 16.
void winograd_weight(const WinogradSize& size, std::span<const float> weight, std::int64_t out,
                     std::int64_t in, std::span<float> transformed);

}  // namespace streamdiffusion::backend::cpu
