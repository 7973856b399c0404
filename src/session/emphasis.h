// Weights of a prompt's words on its embedding, as the well-known web interfaces apply them.
#pragma once

#include <span>

namespace streamdiffusion::session {

/// `embedding` is [tokens, width], with a weight a token. Each token's row is multiplied by its
/// weight, and then all by one factor that restores the mean, so that emphasis does not change the
/// strength of the whole. The factor is left out where the mean changes its sign or vanishes.
void emphasize(std::span<float> embedding, std::span<const float> weights);

}  // namespace streamdiffusion::session
