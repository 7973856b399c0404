// CLIPTextModel: token ids in, the prompt's embeddings (last hidden state after the final norm)
// out.
#pragma once

#include <cstdint>

#include "graph/graph.h"
#include "json/json.h"

namespace streamdiffusion::models {

struct ClipTextConfig {
  std::int64_t vocabulary = 49408, positions = 77;
  std::int64_t width = 512, mlp_width = 2048;
  std::int64_t layers = 12, heads = 8;
  graph::Activation activation = graph::Activation::quick_gelu;
  float norm_eps = 1e-5F;
};

/// Reads text_encoder/config.json; its values may stand inside "text_config", and what transformers
/// omits has transformers' defaults. Throws unsupported for another model or activation,
/// corrupt_file for nonsense.
ClipTextConfig clip_text_config(const json::Json& config);

struct ClipTextShape {
  /// tokens <= config.positions
  std::int64_t prompts = 1, tokens = 77;
  tensor::DType activations = tensor::DType::f32;
};

/// input: "ids" i32 [prompts,tokens,1,1] per prompt, each in [0, vocabulary). output: "embeddings"
/// f32 [prompts,tokens,1,width]. Tensor names carry the "text_model." prefix. Throws
/// invalid_argument for a shape that cannot be.
graph::Graph build_clip_text(const ClipTextConfig& config, const ClipTextShape& shape);

}  // namespace streamdiffusion::models
