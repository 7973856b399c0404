// Weighted blends: of prompt embeddings and of noise. docs/algorithm.md, sections 6 and 8.
#pragma once

#include <span>
#include <vector>

#include "streamdiffusion/options.h"

namespace streamdiffusion::stream {

/// A vector, such as an embedding [tokens, width], and its share.
struct WeightedValues {
  std::span<const float> values;
  float weight = 1.0F;
};

/// The weighted blend, weights normalized to a sum of one. linear: the weighted mean. slerp:
/// vectors are taken in one by one along the great circle between the blend so far and the
/// next, over all numbers as one vector; where the two are nearly parallel, along the line. Throws
/// invalid_argument for none, negative weights or a sum of zero.
std::vector<float> blend(std::span<const WeightedValues> vectors, Interpolation how);

}  // namespace streamdiffusion::stream
