// The UNet's spatial transformer: self-attention, attention to the prompt, gated feed-forward
// (Transformer2DModel).
#pragma once

#include <vector>

#include "graph/builder.h"

namespace streamdiffusion::models {

struct TransformerOptions {
  std::int64_t layers = 1;
  int heads = 8;
  int groups = 32;
  /// Else proj_in and proj_out are stored as 1x1 convolutions.
  bool linear_projection = false;
  /// Text embeddings [prompts, tokens, 1, dim].
  graph::Value context;
  /// Row i of x attends to prompt kv_rows[i].
  std::vector<int> kv_rows;
};

/// x [n,h,w,c] -> the same shape; pixels are the tokens.
graph::Value transformer_2d(graph::Builder& b, graph::Value x, const TransformerOptions& options,
                            const graph::Name& name);

}  // namespace streamdiffusion::models
