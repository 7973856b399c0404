#include "models/down_path.h"

#include "models/ip_adapter.h"
#include "models/resnet.h"
#include "models/transformer.h"

namespace streamdiffusion::models {

using graph::Builder;
using graph::Name;
using graph::Value;
using Level = UNetConfig::Level;

DownPath::DownPath(Builder& b, const UNetConfig& config, const DownPathInputs& inputs, Name root,
                   const UNetAdditions& additions)
    : b_(b),
      config_(config),
      inputs_(inputs),
      root_(std::move(root)),
      additions_(additions),
      time_(time_embedding()) {}

Value DownPath::run(Value hint, const OnSkip& on_skip) {
  Value x = b_.conv2d(inputs_.latents, root_ / "conv_in",
                      {.out = config_.levels.front().channels, .residual = hint});
  on_skip(x);
  for (int i = 0; i < static_cast<int>(config_.levels.size()); ++i) x = down_block(x, i, on_skip);
  // Cross-attentions are counted along the down path, the up path, and the middle block last.
  const CrossAttentions count = cross_attentions(config_);
  cross_attention_ = count.down + count.up;
  x = mid_block(x);
  cross_attention_ = count.down;
  return x;
}

Value DownPath::sinusoids(Value numbers, std::int64_t width) {
  return b_.timestep_embedding(numbers, {.width = width,
                                         .flip_sin_to_cos = config_.flip_sin_to_cos,
                                         .freq_shift = config_.freq_shift});
}

// Every resnet applies a SiLU to the embedding first, so it is applied once, here. SDXL adds what
// depends on the prompt before it.
Value DownPath::time_embedding() {
  const Name n = root_ / "time_embedding";
  Value t = sinusoids(inputs_.timesteps, config_.levels.front().channels);
  if (config_.guidance_dim > 0) t = add_guidance(t);
  const Value h =
      b_.linear(t, n / "linear_1", {.out = config_.time_dim, .act = graph::Activation::silu});
  if (config_.pooled_dim == 0) {
    return b_.linear(h, n / "linear_2", {.out = config_.time_dim, .act = graph::Activation::silu});
  }
  const Value time = b_.linear(h, n / "linear_2", {.out = config_.time_dim});
  return b_.silu(added_conditioning(time));
}

// The guidance scale embedded as a timestep is (Meng et al. 2022, arXiv 2210.03142, section 3.1;
// the formula is diffusers' get_guidance_scale_embedding).
Value DownPath::add_guidance(Value time) {
  const Value embedded = b_.timestep_embedding(
      b_.convert(inputs_.guidance, {.scale = 1000}),
      {.width = config_.guidance_dim, .flip_sin_to_cos = false, .freq_shift = 1});
  return b_.linear(embedded, root_ / "time_embedding" / "cond_proj",
                   {.out = config_.levels.front().channels, .bias = false, .residual = time});
}

// time + MLP([pooled text embedding | six embedded size numbers])
Value DownPath::added_conditioning(Value time) {
  const Name n = root_ / "add_embedding";
  Value all = b_.to_activations(inputs_.pooled);
  for (int i = 0; i < kSizeNumbers; ++i) {
    const Value number = b_.slice_channels(inputs_.size, i, 1);
    all = b_.concat_channels(all, sinusoids(number, config_.size_embedding_dim));
  }
  const Value h =
      b_.linear(all, n / "linear_1", {.out = config_.time_dim, .act = graph::Activation::silu});
  return b_.linear(h, n / "linear_2", {.out = config_.time_dim, .residual = time});
}

Value DownPath::resnet(Value x, Value skip, std::int64_t out, const Name& n) {
  return resnet_block(b_, x, skip, time_,
                      {.out = out, .groups = config_.norm_groups, .eps = config_.norm_eps}, n);
}

CachedFramesInputs DownPath::cached_at(const TransformerAt& at) const {
  CachedFramesInputs cached = additions_.cached;
  if (at.level < additions_.cached_shape.first_level) return {};
  if (!at.injects) cached.injection = {};
  return cached;
}

Value DownPath::transformer(Value x, const Level& level, std::int64_t depth, const Name& n,
                            const TransformerAt& at) {
  const int first = cross_attention_;
  cross_attention_ += static_cast<int>(depth);
  return transformer_2d(b_, x,
                        {.layers = depth,
                         .heads = static_cast<int>(level.heads),
                         .groups = config_.norm_groups,
                         .linear_projection = config_.linear_projection,
                         .only_cross_attention = level.only_cross_attention,
                         .context = inputs_.context,
                         .kv_rows = inputs_.kv_rows,
                         .image_prompts = additions_.image_prompts,
                         .first_cross_attention = first,
                         .cached = cached_at(at)},
                        n);
}

Value DownPath::down_block(Value x, int i, const OnSkip& on_skip) {
  const Name n = root_ / "down_blocks" / i;
  for (int layer = 0; layer < level(i).layers; ++layer) {
    x = resnet(x, {}, level(i).channels, n / "resnets" / layer);
    if (level(i).down_attention) {
      x = transformer(x, level(i), level(i).down_transformers[static_cast<std::size_t>(layer)],
                      n / "attentions" / layer, {.level = i});
    }
    on_skip(x);
  }
  if (i + 1 == static_cast<int>(config_.levels.size())) return x;
  const int pad_begin = config_.pad_both_sides ? 1 : 0;
  x = b_.conv2d(x, n / "downsamplers" / 0 / "conv",
                {.out = level(i).channels, .stride = 2, .pad_begin = pad_begin, .pad_end = 1});
  on_skip(x);
  return x;
}

Value DownPath::mid_block(Value x) {
  if (config_.mid == UNetConfig::Mid::none) return x;
  const Level& innermost = config_.levels.back();
  const Name n = root_ / "mid_block";
  x = resnet(x, {}, innermost.channels, n / "resnets" / 0);
  if (config_.mid == UNetConfig::Mid::resnet) return x;
  Level plain = innermost;
  plain.only_cross_attention = false;  // of the down and up blocks alone
  const int last = static_cast<int>(config_.levels.size()) - 1;
  x = transformer(x, plain, config_.mid_transformer, n / "attentions" / 0,
                  {.level = last, .injects = true});
  return resnet(x, {}, innermost.channels, n / "resnets" / 1);
}

std::size_t skip_count(const UNetConfig& config) {
  std::size_t count = config.levels.size();  // the first convolution, and all but one downsampling
  for (const Level& level : config.levels) count += static_cast<std::size_t>(level.layers);
  return count;
}

}  // namespace streamdiffusion::models
