// Whole models in one .safetensors file, as Stability and Civitai publish them. What the file holds
// is told by its keys and shapes alone. What tensors cannot tell (turbo, lightning and LCM merges
// have the tensors of their base) is never guessed: `notes` suggests it to the user.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "json/json.h"
#include "weights/ldm_components.h"

namespace streamdiffusion::weights {

struct SingleFile {
  /// "Stable Diffusion 1", "Stable Diffusion 2" or "SDXL", by the UNet; empty where there is none.
  std::string family;
  std::optional<FileComponent> unet, text_encoder, text_encoder_2, autoencoder;
  /// scheduler_config.json; for whoever has a UNet.
  std::optional<json::Json> scheduler;
  /// Of the first text encoder's tokenizer; that of SDXL's second one is "!".
  std::string pad_token;
  /// For a person: by which rule something was told, and what cannot be told.
  std::vector<std::string> notes;
};

/// Opens a file and tells what it holds. Throws not_found, io, corrupt_file, or unsupported for
/// what is no model of these families, naming what it is (a pickle, a LoRA, a ControlNet, FLUX, an
/// inpainting model, the SDXL refiner, ...). `other_unet`, a folder or file, stands for the file's
/// own UNet, or for one that it lacks; empty for none.
SingleFile open_single_file(const std::filesystem::path& file,
                            const std::filesystem::path& other_unet = {});

}  // namespace streamdiffusion::weights
