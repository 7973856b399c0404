// Mixtures of prompt embeddings.
// docs/algorithm.md, section 8.
#pragma once

#include <span>
#include <vector>

#include "streamdiffusion/session.h"

namespace streamdiffusion::stream {

/// An embedding [tokens, width] and its share.
struct WeightedEmbedding {
  std::span<const float> values;
  float weight = 1.0F;
};

/// The weighted blend, weights normalized to a sum of one. linear: the weighted mean. slerp:
/// embeddings are taken in one by one along the great circle between the blend so far and the
/// next, over all numbers as one vector; where the two are nearly parallel, along the line. Throws
/// invalid_argument for none, negative weights or a sum of zero.
std::vector<float> blend(std::span<const WeightedEmbedding> embeddings, PromptInterpolation how);

}  // namespace streamdiffusion::stream
