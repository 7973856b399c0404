// Components of a model inside a file of the original code's names (LDM), each under a prefix of
// its own: what its keys and shapes tell of it, and its weights under diffusers' names.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>

#include "json/json.h"
#include "weights/safetensors.h"
#include "weights/weight_source.h"

namespace streamdiffusion::weights {

/// A component of a checkpoint.
struct FileComponent {
  /// Its config.json, of a file as diffusers would have written it.
  json::Json config;
  std::shared_ptr<const WeightSource> weights;
  /// The folder or file that it was read from.
  std::string path;
};

struct LdmComponent {
  FileComponent component;
  /// Begins the names of its tensors in the file.
  std::string prefix;
};

using SharedFile = std::shared_ptr<const SafetensorsFile>;
/// A component's prefix in the kinds of files that there are, in order of preference.
using Prefixes = std::initializer_list<const char*>;

/// Factors of the latents, which no file holds.
constexpr double kLatentScale = 0.18215, kLatentScaleXl = 0.13025;

/// Empty if there is no UNet. Throws unsupported for one that takes more than latents.
std::optional<LdmComponent> ldm_unet(const SharedFile& file);
/// Empty if there is no ControlNet. Throws unsupported for weights stored as a difference to a
/// model's, and as require_whole_ldm_controlnet().
std::optional<LdmComponent> ldm_controlnet(const SharedFile& file);
/// Empty if there is no autoencoder.
std::optional<LdmComponent> ldm_autoencoder(const SharedFile& file, double scale);
/// CLIP in transformers' names, behind one of the prefixes; empty if there is none.
std::optional<LdmComponent> transformers_text(const SharedFile& file, Prefixes prefixes);
/// CLIP in OpenCLIP's names. Layers beyond `most_layers` are left out.
std::optional<LdmComponent> open_clip_text(const SharedFile& file, Prefixes prefixes,
                                           int most_layers);

/// Of an OpenCLIP text encoder: Stable Diffusion 2 was trained on the last layer but one.
constexpr int kLayersOfTwo = 23, kAllLayers = 1000;

}  // namespace streamdiffusion::weights
