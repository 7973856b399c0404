// The residual block that the UNet and AutoencoderKL share (diffusers' ResnetBlock2D).
#pragma once

#include "graph/builder.h"

namespace streamdiffusion::models {

struct ResnetOptions {
  /// Output channels.
  std::int64_t out = 0;
  int groups = 32;
  float eps = 1e-5F;
};

/// norm, SiLU, conv, + time; norm, SiLU, conv; + shortcut. x is [n, h, w, c]. `skip`, which may be
/// empty, is concatenated behind x on channels. `time`, which may be empty, is the time embedding
/// after its SiLU, [n, 1, 1, time_dim]. Result [n, h, w, out].
graph::Value resnet_block(graph::Builder& b, graph::Value x, graph::Value skip, graph::Value time,
                          const ResnetOptions& options, const graph::Name& name);

}  // namespace streamdiffusion::models
