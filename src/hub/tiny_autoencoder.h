// Which tiny autoencoder fits a model: TAESD, distilled from the autoencoder of SD 1 and 2, or
// TAESDXL, from SDXL's (github.com/madebyollin/taesd). Their latents differ, their configs do not.
#pragma once

#include <filesystem>
#include <optional>

#include "hub/name.h"

namespace streamdiffusion::hub {

/// For a folder in diffusers' layout whose autoencoder is AutoencoderKL: madebyollin/taesdxl where
/// the UNet's context has 2048 channels (SDXL and what was distilled from it), madebyollin/taesd
/// where it has 768 or 1024 (SD 1 and 2). Empty for other models. Throws corrupt_file.
std::optional<RepositoryName> tiny_autoencoder_for(const std::filesystem::path& model);

}  // namespace streamdiffusion::hub
