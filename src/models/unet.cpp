// diffusers' UNet2DConditionModel as a graph: a down path, a middle block and an up path, joined by
// skip connections. ControlNets add to these between the two.
#include "models/unet.h"

#include "base/error.h"
#include "models/controlnet.h"
#include "models/down_path.h"
#include "models/ip_adapter.h"

namespace streamdiffusion::models {
namespace {

using base::ErrorCode;
using base::require;
using graph::Builder;
using graph::Lifetime;
using graph::Name;
using graph::Value;
using tensor::DType;
using Level = UNetConfig::Level;

/// Of the innermost up blocks, whose features are drawn to those of earlier frames.
constexpr int kInjectingUpBlocks = 2;

class UNet {
 public:
  UNet(const UNetConfig& config, const UNetShape& shape, std::span<const ControlNetConfig> nets)
      : config_(config), shape_(shape), nets_(nets), b_(shape.activations) {}

  graph::Graph build() {
    b_.set_stage("unet");
    make_inputs();
    DownPath path(b_, config_, inputs_, Name(), {image_prompts_, cached_, shape_.cached});
    Value x = path.run({}, [&](Value skip) { skips_.push_back(skip); });
    for (const int net : shape_.controlnets) {
      x = add_controlnet(b_, nets_[static_cast<std::size_t>(net)], net, inputs_, skips_, x);
    }
    for (int i = 0; i < levels(); ++i) x = up_block(path, x, i);
    x = b_.group_norm(x, Name("conv_norm_out"),
                      {.groups = config_.norm_groups, .eps = config_.norm_eps, .silu = true});
    x = b_.conv2d(x, Name("conv_out"), {.out = config_.out_channels});
    b_.output("prediction", b_.convert(x, {.to = DType::f32}));
    return b_.finish();
  }

 private:
  int levels() const { return static_cast<int>(config_.levels.size()); }
  const Level& level(int i) const { return config_.levels[static_cast<std::size_t>(i)]; }

  Value row_input(const char* name, std::int64_t channels, Lifetime lifetime) {
    return b_.input(name, {{shape_.rows, 1, 1, channels}, DType::f32}, lifetime);
  }

  void make_inputs() {
    const Value latents =
        b_.input("latents", {{shape_.rows, shape_.h, shape_.w, config_.in_channels}, DType::f32},
                 Lifetime::per_frame);
    inputs_.timesteps = row_input("timesteps", 1, Lifetime::per_schedule);
    const Value context = b_.input(
        "context", {{shape_.prompts, shape_.tokens, 1, config_.cross_attention_dim}, DType::f32},
        Lifetime::per_prompt);
    if (config_.guidance_dim > 0) {
      inputs_.guidance = row_input("guidance", 1, Lifetime::per_schedule);
    }
    if (config_.pooled_dim > 0) {
      inputs_.pooled = row_input("pooled", config_.pooled_dim, Lifetime::per_prompt);
      inputs_.size = row_input("size", kSizeNumbers, Lifetime::per_prompt);
    }
    for (const ImagePromptShape& image : shape_.image_prompts) add_image_prompt(image);
    if (shape_.cached.frames > 0) add_cached_frames();
    inputs_.kv_rows = shape_.kv_rows;
    inputs_.context = b_.to_activations(context);
    inputs_.latents = b_.to_activations(latents);
  }

  void add_image_prompt(const ImagePromptShape& image) {
    const std::string number = "." + std::to_string(image.adapter);
    const Value tokens =
        b_.input("image_tokens" + number,
                 {{shape_.prompts, image.tokens, 1, config_.cross_attention_dim}, DType::f32},
                 Lifetime::per_prompt);
    const Value scales = row_input(("image_scales" + number).c_str(),
                                   cross_attentions(config_).all(), Lifetime::per_frame);
    image_prompts_.push_back({image.adapter, b_.to_activations(tokens), scales});
  }

  void add_cached_frames() {
    cached_.slots =
        b_.input("cached_slots", {{shape_.rows, 1, 1, 1 + shape_.cached.frames}, DType::i32},
                 Lifetime::per_frame);
    cached_.slot_count = shape_.cached.slots;
    if (shape_.cached.feature_injection) {
      cached_.injection = row_input("feature_injection", 2, Lifetime::per_frame);
    }
  }

  // up_blocks.0 is the innermost level.
  Value up_block(DownPath& path, Value x, int i) {
    const Name n = Name("up_blocks") / i;
    const Level& up = level(levels() - 1 - i);
    for (int layer = 0; layer <= up.layers; ++layer) {
      const Value skip = skips_.back();
      skips_.pop_back();
      x = path.resnet(x, skip, up.channels, n / "resnets" / layer);
      if (up.up_attention) {
        const TransformerAt at{levels() - 1 - i, i < kInjectingUpBlocks};
        x = path.transformer(x, up, up.up_transformers[static_cast<std::size_t>(layer)],
                             n / "attentions" / layer, at);
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
  const std::span<const ControlNetConfig> nets_;
  Builder b_;
  DownPathInputs inputs_;
  std::vector<ImageAttention> image_prompts_;
  CachedFramesInputs cached_;
  std::vector<Value> skips_;
};

void check_shape(const UNetShape& shape) {
  const auto check = [](const char* what, std::int64_t found, std::int64_t max) {
    require(found >= 1 && found <= max, ErrorCode::invalid_argument, "unet: ", what, " is ", found,
            ", expected 1 to ", max);
  };
  check("number of rows", shape.rows, 1024);
  check("latent height", shape.h, 8192);
  check("latent width", shape.w, 8192);
  check("number of prompts", shape.prompts, 1024);
  check("number of tokens", shape.tokens, 4096);
  for (const ImagePromptShape& image : shape.image_prompts) {
    check("number of image tokens", image.tokens, 65536);
  }
  const CachedFrames& cached = shape.cached;
  require(cached.frames >= 0 && cached.frames <= 32 &&
              (cached.frames == 0 || cached.slots > cached.frames),
          ErrorCode::invalid_argument, "unet: ", cached.slots, " slots for ", cached.frames,
          " cached frames, expected more slots than frames, and at most 32 frames");
  require(static_cast<std::int64_t>(shape.kv_rows.size()) == shape.rows,
          ErrorCode::invalid_argument, "unet: kv_rows has ", shape.kv_rows.size(),
          " entries, expected one for each of the ", shape.rows, " rows");
}

}  // namespace

graph::Graph build_unet(const UNetConfig& config, const UNetShape& shape,
                        std::span<const ControlNetConfig> controlnets) {
  check_shape(shape);
  for (const int net : shape.controlnets) {
    require(net >= 0 && static_cast<std::size_t>(net) < controlnets.size(),
            ErrorCode::invalid_argument, "unet: ControlNet ", net, " of ", controlnets.size());
    check_fits(controlnets[static_cast<std::size_t>(net)], config);
  }
  require(shape.image_prompts.empty() || cross_attentions(config).all() > 0,
          ErrorCode::invalid_argument, "unet: IP-Adapters act on a UNet with cross-attention");
  return UNet(config, shape, controlnets).build();
}

}  // namespace streamdiffusion::models
