// Writes the hash weights of a whole model twice: as a folder in diffusers' layout and as one file
// in the names of the original code.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "weights/safetensors.h"

namespace streamdiffusion::testing {

/// Tokens of the vocabulary in tests/data. With CLIP's 49408 the embeddings are most of a model.
constexpr int kTinyVocabulary = 4096;

/// Configs of a tiny Stable Diffusion 1 or 2 (widths of the text as published, all else small), as
/// config.json in diffusers' layout.
struct TinyConfigs {
  std::string unet, text_encoder, autoencoder;
  /// Of SDXL; else empty.
  std::string text_encoder_2{};
  /// OpenCLIP's names for the text encoder.
  bool open_clip = false;
  /// The UNet's names in the file are those of diffusers' own script, of two layers a block.
  bool by_script = false;
};
TinyConfigs tiny_stable_diffusion(int version, int vocabulary);
/// The same of SDXL.
TinyConfigs tiny_sdxl(int vocabulary);
/// The same of SDXS-0.9: a pruned Stable Diffusion 2 with a tiny autoencoder, whose first level
/// looks at the text twice.
TinyConfigs tiny_sdxs(int vocabulary);

/// The tensors of the file.
std::vector<weights::TensorToWrite> ldm_tensors(const TinyConfigs& configs);

/// Writes model_index.json, the configs, the scheduler as the published models of all three
/// families have it, and the weights; the tokenizer is CLIP's, or that of tests/data for a
/// vocabulary of kTinyVocabulary.
void write_folder(const TinyConfigs& configs, const std::filesystem::path& folder);

}  // namespace streamdiffusion::testing
