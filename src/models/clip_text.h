// CLIPTextModel and CLIPTextModelWithProjection: from token ids to the prompt's embeddings, and to
// the pooled one.
#pragma once

#include <cstdint>

#include "graph/graph.h"
#include "json/json.h"
#include "models/clip_layer.h"

namespace streamdiffusion::models {

struct ClipTextConfig {
  /// Token ids, and positions that the model has an embedding for.
  std::int64_t vocabulary = 49408, positions = 77;
  ClipLayer layer{.width = 512, .mlp_width = 2048, .heads = 8, .causal = true};
  std::int64_t layers = 12;
  /// Channels of the pooled embedding.
  std::int64_t projection = 512;
};

/// Reads text_encoder/config.json. The values may be inside "text_config"; absent ones have
/// transformers' defaults. Throws unsupported for another model or activation, corrupt_file for an
/// invalid value.
ClipTextConfig clip_text_config(const json::Json& config);

/// What a text encoder is asked for.
enum class ClipTextOutput {
  /// The last hidden state after the final norm (Stable Diffusion 1 and 2).
  last,
  /// The input of the last layer, without the final norm (SDXL, both encoders).
  penultimate,
  /// That, and each token of the last hidden state after the final norm and the projection: the
  /// pooled embedding is that of the end-of-text token (SDXL, second encoder).
  penultimate_and_projected,
};

struct ClipTextShape {
  /// 1..1024 prompts of 1..config.positions tokens each.
  std::int64_t prompts = 1, tokens = 77;
  tensor::DType activations = tensor::DType::f32;
  ClipTextOutput output = ClipTextOutput::last;
};

/// Input, once per prompt: "ids" i32 [prompts, tokens, 1, 1], each in 0..vocabulary - 1. Output:
/// "embeddings" f32 [prompts, tokens, 1, width], and "projected" f32 [prompts, tokens, 1,
/// projection] where it is asked for. Tensor names have the prefix "text_model.", but for
/// "text_projection.weight". Throws invalid_argument for an invalid shape, unsupported for a
/// penultimate layer of a model without layers.
graph::Graph build_clip_text(const ClipTextConfig& config, const ClipTextShape& shape);

}  // namespace streamdiffusion::models
