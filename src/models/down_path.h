// What a UNet and a ControlNet have in common: the time embedding, the first convolution, the down
// blocks and the middle block.
#pragma once

#include <functional>
#include <vector>

#include "graph/builder.h"
#include "models/transformer.h"
#include "models/unet_config.h"

namespace streamdiffusion::models {

/// Inputs that a UNet shares with the ControlNets beside it. Empty where the config has none.
struct DownPathInputs {
  /// [rows, h, w, in_channels] and [prompts, tokens, 1, cross_attention_dim], in the activations'
  /// type.
  graph::Value latents, context;
  /// f32, as build_unet() documents them.
  graph::Value timesteps, pooled, size, guidance;
  /// Row i attends to prompt kv_rows[i].
  std::vector<int> kv_rows;
};

/// What acts in a UNet alone, and not in the ControlNets beside it.
struct UNetAdditions {
  std::span<const ImageAttention> image_prompts = {};
  /// Inputs, and where they act.
  CachedFramesInputs cached = {};
  CachedFrames cached_shape = {};
};

/// Where a transformer is.
struct TransformerAt {
  /// Of the UNet, 0 the one of the largest resolution.
  int level = 0;
  /// Whether feature injection acts there, if it is on.
  bool injects = false;
};

class DownPath {
 public:
  /// All must outlive this. `root` is put before the names of tensors; it may be empty.
  DownPath(graph::Builder& b, const UNetConfig& config, const DownPathInputs& inputs,
           graph::Name root, const UNetAdditions& additions = {});

  /// Called with the result of the first convolution, of each layer, and of each downsampling
  /// convolution, in this order: the skip connections.
  using OnSkip = std::function<void(graph::Value skip)>;
  /// `hint`, which may be empty, is added to the first convolution. Returns what the middle block
  /// gives.
  graph::Value run(graph::Value hint, const OnSkip& on_skip);

  /// A resnet or a transformer of these inputs, for the up path.
  graph::Value resnet(graph::Value x, graph::Value skip, std::int64_t out, const graph::Name& n);
  graph::Value transformer(graph::Value x, const UNetConfig::Level& level, std::int64_t depth,
                           const graph::Name& n, const TransformerAt& at);

 private:
  const UNetConfig::Level& level(int i) const {
    return config_.levels[static_cast<std::size_t>(i)];
  }
  graph::Value sinusoids(graph::Value numbers, std::int64_t width);
  graph::Value time_embedding();
  graph::Value add_guidance(graph::Value time);
  graph::Value added_conditioning(graph::Value time);
  /// What a transformer there keeps of earlier frames.
  CachedFramesInputs cached_at(const TransformerAt& at) const;
  graph::Value down_block(graph::Value x, int i, const OnSkip& on_skip);
  graph::Value mid_block(graph::Value x);

  graph::Builder& b_;
  const UNetConfig& config_;
  const DownPathInputs& inputs_;
  const graph::Name root_;
  const UNetAdditions additions_;
  /// The number of the next transformer block's cross-attention.
  int cross_attention_ = 0;
  /// [rows, 1, 1, time_dim], after its SiLU.
  graph::Value time_;
};

/// Skip connections of a UNet or ControlNet: the calls of OnSkip.
std::size_t skip_count(const UNetConfig& config);

}  // namespace streamdiffusion::models
