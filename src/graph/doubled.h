// A convolution of an image seen at twice its size: of the nine taps of an output pixel, those
// that fall on the same pixel are one. What is left are four convolutions of 2 x 2 taps, one for
// each place of an output pixel within its source (a phase): 4/9 of the work, and no large copy.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace streamdiffusion::graph {

constexpr int kPhases = 4;

/// Phase 2 a + b makes the output pixels (2 i + a, 2 j + b), from the source's lines i - 1 + a and
/// i + a and columns j - 1 + b and j + b. `weight` [out, in, 3, 3] as it is stored, the result
/// [out, phase, in, 2, 2].
std::vector<float> fold_doubled(std::span<const float> weight, std::int64_t out, std::int64_t in);

}  // namespace streamdiffusion::graph
