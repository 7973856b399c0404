// What CLIP's text and image encoders have in common: a transformer layer, and how their configs
// name its activation and norm.
#pragma once

#include <cstdint>

#include "graph/builder.h"
#include "json/json.h"

namespace streamdiffusion::models {

struct ClipLayer {
  /// Channels of the hidden state and of the MLP's inner layer; heads divide `width`.
  std::int64_t width = 0, mlp_width = 0, heads = 1;
  graph::Activation activation = graph::Activation::quick_gelu;
  float norm_eps = 1e-5F;
  /// A token sees those before it only.
  bool causal = false;
};

/// x + attention(norm(x)), then x + mlp(norm(x)): transformers' CLIPEncoderLayer.
graph::Value clip_layer(graph::Builder& b, graph::Value x, const ClipLayer& layer,
                        const graph::Name& name);

/// Channels of a config of CLIP at most.
constexpr std::int64_t kMaxClipWidth = 1 << 16;

/// The layers of a config, and how many. What it leaves out is as in `layer` and `count`. Throws
/// unsupported for an activation other than "quick_gelu", the default, and "gelu", and corrupt_file
/// for fewer layers than `least` and other invalid values.
void read_clip_layers(const json::Json& config, ClipLayer& layer, std::int64_t& count, int least);

}  // namespace streamdiffusion::models
