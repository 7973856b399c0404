// CLIPVisionModelWithProjection: from an image to the features that IP-Adapters take (Radford et
// al. 2021, arXiv 2103.00020; a ViT, Dosovitskiy et al. 2020, arXiv 2010.11929).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "json/json.h"
#include "models/clip_layer.h"
#include "weights/weight_source.h"

namespace streamdiffusion::models {

struct ClipVisionConfig {
  /// Sides of the image and of a patch, in pixels.
  std::int64_t image = 224, patch = 32;
  ClipLayer layer{.width = 768, .mlp_width = 3072, .heads = 12};
  std::int64_t layers = 12;
  /// Channels of the projected embedding.
  std::int64_t projection = 512;

  /// The class token, and one a patch.
  std::int64_t tokens() const { return 1 + (image / patch) * (image / patch); }
  /// Numbers of a patch: colors, lines, columns.
  std::int64_t patch_numbers() const { return 3 * patch * patch; }
};

/// Reads image_encoder/config.json. The values may be inside "vision_config"; absent ones have
/// transformers' defaults. Throws unsupported for another model, activation or number of colors,
/// corrupt_file for an invalid value.
ClipVisionConfig clip_vision_config(const json::Json& config);

/// What an image encoder is asked for.
enum class ClipVisionOutput {
  /// Each token of the last hidden state after the final norm and the projection: the image's
  /// embedding is that of the first, the class token.
  projected,
  /// The input of the last layer, without the final norm.
  penultimate,
};

/// Inputs, once per prompt: "patches" f32 [1, tokens, 1, patch_numbers], as write_patches() fills
/// it, and "embeddings" f32 [1, tokens, 1, width], from vision_embeddings(). Output: "image" f32
/// [1, tokens, 1, projection or width]. Tensor names as in the file.
graph::Graph build_clip_vision(const ClipVisionConfig& config, ClipVisionOutput output,
                               tensor::DType activations);

/// Every tensor that the graph and vision_embeddings() read.
std::vector<tensor::TensorSpec> clip_vision_tensors(const ClipVisionConfig& config,
                                                    ClipVisionOutput output);

/// [tokens, width]: what is added to the patches: each token's position, and to the first one the
/// class.
std::vector<float> vision_embeddings(const ClipVisionConfig& config,
                                     const weights::WeightSource& weights);

/// An RGB image [image, image, 3] to the values of "patches": scaled to 0..1, less CLIP's mean,
/// over its standard deviation. The first token's are zero. Without an image, all are: the image
/// that stands for none.
void write_patches(const ClipVisionConfig& config, std::span<const std::uint8_t> rgb,
                   std::span<float> patches);

}  // namespace streamdiffusion::models
