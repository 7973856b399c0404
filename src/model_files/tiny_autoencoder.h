// Which tiny autoencoder fits a model: TAESD, distilled from the autoencoder of SD 1 and 2, or
// TAESDXL, from SDXL's (github.com/madebyollin/taesd). Their latents differ, their configs do not.
#pragma once

#include <filesystem>
#include <string>

namespace streamdiffusion::model_files {

struct TinyAutoencoder {
  /// Its repository; empty if none fits.
  std::string id;
  /// Why none fits, for a person.
  std::string reason;
};

/// For a folder in diffusers' layout, a file, or a folder of one file: madebyollin/taesdxl where
/// the UNet's text is 2048 channels wide (SDXL and what was distilled from it), madebyollin/taesd
/// where it is 768 or 1024 (SD 1 and 2). None fits a model whose own autoencoder is a tiny one.
/// `unet` stands for the UNet that a file lacks; empty for none.
TinyAutoencoder tiny_autoencoder_for(const std::filesystem::path& model,
                                     const std::filesystem::path& unet = {});

}  // namespace streamdiffusion::model_files
