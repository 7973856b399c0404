// Components that come by themselves: a folder as in diffusers, or one .safetensors file (also as
// the only one of a folder without a config.json), with diffusers' names or LDM's. The config is
// the config.json beside it, or told by keys and shapes; what those cannot tell is that of the
// model.
#pragma once

#include <filesystem>
#include <optional>

#include "weights/ldm_components.h"

namespace streamdiffusion::weights {

/// An AutoencoderKL or a TAESD (of the publisher's two files either is given). `own` is the config
/// of the model's own autoencoder, if it has one; `scale` is the factor of the model's latents, for
/// a file with LDM's names. Throws not_found, io, corrupt_file, or unsupported for a file that
/// holds no autoencoder.
FileComponent open_autoencoder(const std::filesystem::path& path,
                               const std::optional<json::Json>& own, double scale);

/// A UNet; `own` is the config of the model's own one, which a file with diffusers' names and no
/// config.json beside it must fit. Throws as open_autoencoder().
FileComponent open_unet(const std::filesystem::path& path, const std::optional<json::Json>& own);

/// A CLIP text encoder. `second_of_two` is SDXL's second one, of which all layers are used. Throws
/// as open_autoencoder().
FileComponent open_text_encoder(const std::filesystem::path& path, bool second_of_two);

}  // namespace streamdiffusion::weights
