// Whether another autoencoder, given with --vae, belongs to a model's latents. Those of Stable
// Diffusion 1 and 2 and those of SDXL have the same shape and other meanings: with the wrong one,
// images come out in wrong colors and no size differs.
#pragma once

#include <string>

#include "weights/model_folder.h"

namespace streamdiffusion::session {

/// Throws invalid_argument where `vae`, the path of another autoencoder with this config or empty,
/// does not belong to the model: an AutoencoderKL with another "scaling_factor" than the model's
/// own, or a tiny one whose path has taesd for an SDXL model (`sdxl`), or taesdxl for another. The
/// configs of the two are equal, so their names decide.
void check_latent_space(const weights::ModelFolder& model, const std::string& vae,
                        const json::Json& config, bool sdxl);

}  // namespace streamdiffusion::session
