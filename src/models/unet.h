// UNet2DConditionModel: latents, timesteps and a prompt in, the predicted noise (or velocity) out.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "models/unet_config.h"

namespace streamdiffusion::models {

struct UNetShape {
  /// Latents in one call; each has its own timestep.
  std::int64_t rows = 1;
  /// Of the latents; odd ones are fine.
  std::int64_t h = 64, w = 64;
  std::int64_t prompts = 1, tokens = 77;
  /// Row i follows prompt kv_rows[i]; one entry a row.
  std::vector<int> kv_rows;
  tensor::DType activations = tensor::DType::f32;
};

/// inputs: "latents" f32 [rows,h,w,in_channels] per frame, "timesteps" f32 [rows,1,1,1] per
/// schedule, "context" f32 [prompts,tokens,1,cross_attention_dim] per prompt. output: "prediction"
/// f32 [rows,h,w,out_channels]. Throws invalid_argument for a shape that cannot be.
graph::Graph build_unet(const UNetConfig& config, const UNetShape& shape);

}  // namespace streamdiffusion::models
