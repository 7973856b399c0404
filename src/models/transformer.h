// The UNet's spatial transformer (diffusers' Transformer2DModel): self-attention, cross-attention
// to the prompt, GEGLU feed-forward.
#pragma once

#include <span>
#include <vector>

#include "graph/builder.h"
#include "models/cached_frames.h"

namespace streamdiffusion::models {

/// What an IP-Adapter adds to a UNet's cross-attentions.
struct ImageAttention {
  /// The adapter's number, which names its tensors (ip_adapter_root()).
  int adapter = 0;
  /// [prompts, tokens, 1, dim], in the activations' type.
  graph::Value tokens;
  /// f32 [rows, 1, 1, cross-attentions of the UNet]: how strongly each acts on each row.
  graph::Value scales;
};

struct TransformerOptions {
  /// Transformer blocks, one after another.
  std::int64_t layers = 1;
  int heads = 8;
  int groups = 32;
  /// proj_in and proj_out are stored as linear layers; otherwise as 1x1 convolutions.
  bool linear_projection = false;
  /// attn1 attends to the text embeddings too, as attn2 does (BasicTransformerBlock's option
  /// of this name).
  bool only_cross_attention = false;
  /// Text embeddings [prompts, tokens, 1, dim].
  graph::Value context;
  /// Row i of x attends to prompt kv_rows[i].
  std::vector<int> kv_rows;
  std::span<const ImageAttention> image_prompts = {};
  /// The number of the first block's cross-attention among those of the UNet, as IP-Adapters count
  /// them.
  int first_cross_attention = 0;
  /// Of earlier frames, for the self-attentions.
  CachedFramesInputs cached = {};
};

/// x is [n, h, w, c], and so is the result; the h * w pixels are the tokens.
graph::Value transformer_2d(graph::Builder& b, graph::Value x, const TransformerOptions& options,
                            const graph::Name& name);

}  // namespace streamdiffusion::models
