// diffusers' UNet2DConditionModel as a graph: a down path, a middle block and an up path, joined by
// skip connections.
#include "models/unet.h"

#include "base/error.h"
#include "models/resnet.h"
#include "models/transformer.h"

namespace streamdiffusion::models {
namespace {

using graph::Builder;
using graph::Lifetime;
using graph::Name;
using graph::Value;
using tensor::DType;
using Level = UNetConfig::Level;

class UNet {
 public:
  UNet(const UNetConfig& config, const UNetShape& shape)
      : config_(config), shape_(shape), b_(shape.activations) {}

  graph::Graph build() {
    b_.set_stage("unet");
    const Value latents =
        b_.input("latents", {{shape_.rows, shape_.h, shape_.w, config_.in_channels}, DType::f32},
                 Lifetime::per_frame);
    const Value timesteps =
        b_.input("timesteps", {{shape_.rows, 1, 1, 1}, DType::f32}, Lifetime::per_schedule);
    const Value context = b_.input(
        "context", {{shape_.prompts, shape_.tokens, 1, config_.cross_attention_dim}, DType::f32},
        Lifetime::per_prompt);
    time_ = embedding_of_rows(timesteps);
    context_ = b_.to_activations(context);

    Value x = b_.conv2d(b_.to_activations(latents), Name("conv_in"),
                        {.out = config_.levels.front().channels});
    skips_.push_back(x);
    for (int i = 0; i < levels(); ++i) x = down_block(x, i);
    x = mid_block(x);
    for (int i = 0; i < levels(); ++i) x = up_block(x, i);
    x = b_.group_norm(x, Name("conv_norm_out"),
                      {.groups = config_.norm_groups, .eps = config_.norm_eps, .silu = true});
    x = b_.conv2d(x, Name("conv_out"), {.out = config_.out_channels});
    b_.output("prediction", b_.convert(x, {.to = DType::f32}));
    return b_.finish();
  }

 private:
  int levels() const { return static_cast<int>(config_.levels.size()); }
  const Level& level(int i) const { return config_.levels[static_cast<std::size_t>(i)]; }

  Value sinusoids(Value numbers, std::int64_t width) {
    return b_.timestep_embedding(numbers, {.width = width,
                                           .flip_sin_to_cos = config_.flip_sin_to_cos,
                                           .freq_shift = config_.freq_shift});
  }

  Value row_input(const char* name, std::int64_t channels, Lifetime lifetime) {
    return b_.input(name, {{shape_.rows, 1, 1, channels}, DType::f32}, lifetime);
  }

  // Every resnet applies a SiLU to the embedding first, so it is applied once, here. SDXL adds what
  // depends on the prompt before it.
  Value embedding_of_rows(Value timesteps) {
    const Name n("time_embedding");
    Value t = sinusoids(timesteps, config_.levels.front().channels);
    if (config_.guidance_dim > 0) t = add_guidance(t);
    const Value h =
        b_.linear(t, n / "linear_1", {.out = config_.time_dim, .act = graph::Activation::silu});
    if (config_.pooled_dim == 0) {
      return b_.linear(h, n / "linear_2",
                       {.out = config_.time_dim, .act = graph::Activation::silu});
    }
    const Value time = b_.linear(h, n / "linear_2", {.out = config_.time_dim});
    return b_.silu(added_conditioning(time));
  }

  // The guidance scale embedded as a timestep is (Meng et al. 2022, arXiv 2210.03142, section 3.1;
  // the formula is diffusers' get_guidance_scale_embedding).
  Value add_guidance(Value time) {
    const Value scale = row_input("guidance", 1, Lifetime::per_schedule);
    const Value embedded = b_.timestep_embedding(
        b_.convert(scale, {.scale = 1000}),
        {.width = config_.guidance_dim, .flip_sin_to_cos = false, .freq_shift = 1});
    return b_.linear(embedded, Name("time_embedding") / "cond_proj",
                     {.out = config_.levels.front().channels, .bias = false, .residual = time});
  }

  // time + MLP([pooled text embedding | six embedded size numbers])
  Value added_conditioning(Value time) {
    const Name n("add_embedding");
    const Value pooled = row_input("pooled", config_.pooled_dim, Lifetime::per_prompt);
    const Value size = row_input("size", kSizeNumbers, Lifetime::per_prompt);
    Value all = b_.to_activations(pooled);
    for (int i = 0; i < kSizeNumbers; ++i) {
      const Value number = b_.slice_channels(size, i, 1);
      all = b_.concat_channels(all, sinusoids(number, config_.size_embedding_dim));
    }
    const Value h =
        b_.linear(all, n / "linear_1", {.out = config_.time_dim, .act = graph::Activation::silu});
    return b_.linear(h, n / "linear_2", {.out = config_.time_dim, .residual = time});
  }

  Value resnet(Value x, Value skip, std::int64_t out, const Name& n) {
    return resnet_block(b_, x, skip, time_,
                        {.out = out, .groups = config_.norm_groups, .eps = config_.norm_eps}, n);
  }

  Value transformer(Value x, const Level& level, std::int64_t depth, const Name& n) {
    return transformer_2d(b_, x,
                          {.layers = depth,
                           .heads = static_cast<int>(level.heads),
                           .groups = config_.norm_groups,
                           .linear_projection = config_.linear_projection,
                           .only_cross_attention = level.only_cross_attention,
                           .context = context_,
                           .kv_rows = shape_.kv_rows},
                          n);
  }

  Value down_block(Value x, int i) {
    const Name n = Name("down_blocks") / i;
    for (int layer = 0; layer < level(i).layers; ++layer) {
      x = resnet(x, {}, level(i).channels, n / "resnets" / layer);
      if (level(i).down_attention) {
        x = transformer(x, level(i), level(i).down_transformers[static_cast<std::size_t>(layer)],
                        n / "attentions" / layer);
      }
      skips_.push_back(x);
    }
    if (i + 1 == levels()) return x;
    const int pad_begin = config_.pad_both_sides ? 1 : 0;
    x = b_.conv2d(x, n / "downsamplers" / 0 / "conv",
                  {.out = level(i).channels, .stride = 2, .pad_begin = pad_begin, .pad_end = 1});
    skips_.push_back(x);
    return x;
  }

  Value mid_block(Value x) {
    if (config_.mid == UNetConfig::Mid::none) return x;
    const Level& innermost = config_.levels.back();
    const Name n("mid_block");
    x = resnet(x, {}, innermost.channels, n / "resnets" / 0);
    if (config_.mid == UNetConfig::Mid::resnet) return x;
    Level plain = innermost;
    plain.only_cross_attention = false;  // of the down and up blocks alone
    x = transformer(x, plain, config_.mid_transformer, n / "attentions" / 0);
    return resnet(x, {}, innermost.channels, n / "resnets" / 1);
  }

  // up_blocks.0 is the innermost level.
  Value up_block(Value x, int i) {
    const Name n = Name("up_blocks") / i;
    const Level& up = level(levels() - 1 - i);
    for (int layer = 0; layer <= up.layers; ++layer) {
      const Value skip = skips_.back();
      skips_.pop_back();
      x = resnet(x, skip, up.channels, n / "resnets" / layer);
      if (up.up_attention) {
        x = transformer(x, up, up.up_transformers[static_cast<std::size_t>(layer)],
                        n / "attentions" / layer);
      }
    }
    if (i + 1 == levels()) return x;
    const tensor::Shape target = b_.shape(skips_.back());
    const bool upsample2x = target.h == 2 * b_.shape(x).h && target.w == 2 * b_.shape(x).w;
    if (!upsample2x) x = b_.upsample_nearest(x, target.h, target.w);  // odd sizes
    return b_.conv2d(x, n / "upsamplers" / 0 / "conv",
                     {.out = up.channels, .upsample2x = upsample2x});
  }

  const UNetConfig& config_;
  const UNetShape& shape_;
  Builder b_;
  Value time_, context_;
  std::vector<Value> skips_;
};

void check_shape(const UNetShape& shape) {
  using base::ErrorCode;
  using base::require;
  const auto check = [](const char* what, std::int64_t found, std::int64_t max) {
    require(found >= 1 && found <= max, ErrorCode::invalid_argument, "unet: ", what, " is ", found,
            ", expected 1 to ", max);
  };
  check("number of rows", shape.rows, 1024);
  check("latent height", shape.h, 8192);
  check("latent width", shape.w, 8192);
  check("number of prompts", shape.prompts, 1024);
  check("number of tokens", shape.tokens, 4096);
  require(static_cast<std::int64_t>(shape.kv_rows.size()) == shape.rows,
          ErrorCode::invalid_argument, "unet: kv_rows has ", shape.kv_rows.size(),
          " entries, expected one for each of the ", shape.rows, " rows");
}

}  // namespace

graph::Graph build_unet(const UNetConfig& config, const UNetShape& shape) {
  check_shape(shape);
  return UNet(config, shape).build();
}

}  // namespace streamdiffusion::models
