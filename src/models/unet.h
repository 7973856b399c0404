// UNet2DConditionModel: predicts the noise (or velocity) of latents at their timesteps for a
// prompt.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "models/cached_frames.h"
#include "models/controlnet.h"
#include "models/unet_config.h"

namespace streamdiffusion::models {

/// An IP-Adapter that acts.
struct ImagePromptShape {
  /// Its number, and the tokens of each prompt's images, 1..65536.
  int adapter = 0;
  std::int64_t tokens = 4;
};

struct UNetShape {
  /// Latents in one call, 1..1024; each row has its own timestep.
  std::int64_t rows = 1;
  /// Size of the latents, 1..8192 each; may be odd.
  std::int64_t h = 64, w = 64;
  /// Prompts in one call (1..1024) and tokens of each (1..4096).
  std::int64_t prompts = 1, tokens = 77;
  /// Row i attends to prompt kv_rows[i]; one entry per row.
  std::vector<int> kv_rows;
  /// The ControlNets that act: indices into the list of build_unet().
  std::vector<int> controlnets = {};
  std::vector<ImagePromptShape> image_prompts = {};
  CachedFrames cached = {};
  tensor::DType activations = tensor::DType::f32;
};

/// Inputs: "latents" f32 [rows, h, w, in_channels] per frame, "timesteps" f32 [rows, 1, 1, 1] per
/// schedule, "context" f32 [prompts, tokens, 1, cross_attention_dim] per prompt. Where the config
/// has them also "pooled" f32 [rows, 1, 1, pooled_dim] and "size" f32 [rows, 1, 1, kSizeNumbers]
/// per prompt, and "guidance" f32 [rows, 1, 1, 1] per schedule: the guidance scale minus one.
/// ControlNet i adds "control.i" [rows, h, w, channels of its first level] in the activations'
/// type: what build_control_embedding() gave for the row's frame, and "control_scales.i" f32
/// [rows, 1, 1, residual_count()]: the factor of each of its residuals. Both per frame. The names
/// of its tensors begin with controlnet_root(i). IP-Adapter i adds "image_tokens.i" f32 [prompts,
/// tokens, 1, cross_attention_dim] per prompt, and "image_scales.i" f32 [rows, 1, 1,
/// cross_attentions().all()] per frame: how strongly it acts in each cross-attention. The names of
/// its tensors begin with ip_adapter_root(i). Cached attention adds "cached_slots" i32 [rows, 1, 1,
/// 1 + frames] per frame: the fourth input of graph::Attention. Feature injection adds
/// "feature_injection" f32 [rows, 1, 1, 2] per frame: the settings of graph::InjectFeatures.
/// Output: "prediction" f32 [rows, h, w, out_channels]. Throws invalid_argument for an invalid
/// shape, or a ControlNet of another UNet.
graph::Graph build_unet(const UNetConfig& config, const UNetShape& shape,
                        std::span<const ControlNetConfig> controlnets = {});

}  // namespace streamdiffusion::models
