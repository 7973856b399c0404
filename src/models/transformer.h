// The UNet's spatial transformer (diffusers' Transformer2DModel): self-attention, cross-attention
// to the prompt, GEGLU feed-forward.
#pragma once

#include <vector>

#include "graph/builder.h"

namespace streamdiffusion::models {

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
};

/// x is [n, h, w, c], and so is the result; the h * w pixels are the tokens.
graph::Value transformer_2d(graph::Builder& b, graph::Value x, const TransformerOptions& options,
                            const graph::Name& name);

}  // namespace streamdiffusion::models
