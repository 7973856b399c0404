// Whether another autoencoder, given with --vae, belongs to a model's latents. Those of Stable
// Diffusion 1 and 2 and those of SDXL have the same shape and other meanings: with the wrong one,
// images come out in wrong colors and no size differs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json/json.h"

namespace streamdiffusion::session {

/// Throws invalid_argument where `vae`, the path of another autoencoder with this config, does not
/// belong to the model: an AutoencoderKL with another "scaling_factor" than `own_scale` (that of
/// the model's own AutoencoderKL, if it has one), or a tiny one whose path has taesd for an SDXL
/// model (`sdxl`), or taesdxl for another. The configs of the two are equal, so their names decide.
void check_latent_space(const std::string& vae, const json::Json& config,
                        std::optional<double> own_scale, bool sdxl);

/// Whether the tiny autoencoder of that name, in lower case, is for SDXL's latents, not for those
/// of Stable Diffusion 1 and 2.
bool is_tiny_of_sdxl(std::string_view name);

}  // namespace streamdiffusion::session
