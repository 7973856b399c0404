// A 3x3 convolution of an image that a nearest-neighbor upsample has doubled.
//
// Every output pixel then reads only 2x2 distinct input pixels. The nine weights fold to four for
// each of the four subpixel phases (the position of an output pixel within its input pixel), so
// that four 2x2 convolutions of the small image do 4/9 of the work, without the large copy.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace streamdiffusion::graph {

/// Subpixel phases of an upsample by two.
constexpr int kPhases = 4;

/// Phase 2 a + b makes the output pixels (2 i + a, 2 j + b). It reads the input lines i - 1 + a and
/// i + a, and the columns j - 1 + b and j + b. `weight` is [out, in, 3, 3] as stored; `folded`
/// becomes [out, phase, in, 2, 2].
void fold_upsample2x(std::span<const float> weight, std::int64_t out, std::int64_t in,
                     std::span<float> folded);
/// Elements of `folded`.
constexpr std::size_t folded_size(std::int64_t out, std::int64_t in) {
  return static_cast<std::size_t>(out * kPhases * in * 4);
}

}  // namespace streamdiffusion::graph
