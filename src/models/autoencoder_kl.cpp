// diffusers' models/autoencoders/{autoencoder_kl,vae}.py as graphs.
#include "models/autoencoder_kl.h"

#include "base/error.h"
#include "models/config_reader.h"
#include "models/resnet.h"

namespace streamdiffusion::models {
namespace {

using graph::Builder;
using graph::Name;
using graph::Value;
using json::Json;

constexpr const char* kKlClass = "AutoencoderKL";
constexpr float kEps = 1e-6F;

void check_block_types(ConfigReader& config, std::string_view key, const char* type,
                       std::size_t levels) {
  for (const std::string& name : config.names(key, {type}, levels)) {
    if (name != type) fail_not_implemented(*config.value(key), base::concat("only \"", type, "\""));
  }
}

Value resnet(Builder& b, Value x, std::int64_t out, const AutoencoderKlConfig& c, const Name& n) {
  return resnet_block(b, x, {}, {}, {.out = out, .groups = c.norm_groups, .eps = kEps}, n);
}

// x + attention(norm(x)), with one head; the pixels are the tokens.
Value self_attention(Builder& b, Value x, const AutoencoderKlConfig& c, const Name& n) {
  const std::int64_t width = b.shape(x).c;
  const Value h = b.group_norm(x, n / "group_norm", {.groups = c.norm_groups, .eps = kEps});
  const Value q = b.linear(h, n / "to_q", {.out = width});
  const Value k = b.linear(h, n / "to_k", {.out = width});
  const Value v = b.linear(h, n / "to_v", {.out = width});
  const Value y = b.attention(q, k, v, n, {.heads = 1});
  return b.linear(y, n / "to_out" / 0, {.out = width, .residual = x});
}

Value mid_block(Builder& b, Value x, const AutoencoderKlConfig& c, const Name& n) {
  const std::int64_t width = b.shape(x).c;
  x = resnet(b, x, width, c, n / "resnets" / 0);
  if (c.mid_attention) x = self_attention(b, x, c, n / "attentions" / 0);
  return resnet(b, x, width, c, n / "resnets" / 1);
}

Value last_convolution(Builder& b, Value x, std::int64_t out, const AutoencoderKlConfig& c,
                       const Name& n) {
  x = b.group_norm(x, n / "conv_norm_out", {.groups = c.norm_groups, .eps = kEps, .silu = true});
  return b.conv2d(x, n / "conv_out", {.out = out});
}

}  // namespace

AutoencoderKlConfig autoencoder_kl_config(const Json& json) {
  ConfigReader config(json, kKlClass);
  AutoencoderKlConfig c;
  config.expect("in_channels", 3);
  config.expect("out_channels", 3);
  if (config.string("act_fn", "silu") != "swish") config.expect("act_fn", "silu");
  config.expect_null({"latents_mean", "latents_std"});
  config.ignore({"sample_size"});
  c.force_upcast = config.boolean("force_upcast", true);
  c.latent_channels = config.integer("latent_channels", 4, 1, kMaxChannels);
  c.channels = config.integers("block_out_channels", {64}, 1, kMaxChannels);
  check_block_types(config, "down_block_types", "DownEncoderBlock2D", c.channels.size());
  check_block_types(config, "up_block_types", "UpDecoderBlock2D", c.channels.size());
  c.layers = config.integer("layers_per_block", 1, 1, 16);
  c.norm_groups = static_cast<int>(config.integer("norm_num_groups", 32, 1, kMaxChannels));
  c.quant_conv = config.boolean("use_quant_conv", true);
  c.post_quant_conv = config.boolean("use_post_quant_conv", true);
  c.mid_attention = config.boolean("mid_block_add_attention", true);
  c.latent = read_latent_scale(config, 0.18215);
  config.finish();
  for (const std::int64_t channels : c.channels) {
    base::require(channels % c.norm_groups == 0, base::ErrorCode::corrupt_file, config.file(),
                  ": \"block_out_channels\" has ", channels,
                  ", expected multiples of \"norm_num_groups\", ", c.norm_groups);
  }
  return c;
}

graph::Graph build_encoder(const AutoencoderKlConfig& c, const ImageShape& shape) {
  check_image(shape, c.vae_scale_factor(), kKlClass);
  Builder b(shape.activations);
  b.set_stage("encode");
  const Name n("encoder");
  Value x = pixels_input(b, shape, 2.0F / 255.0F, -1);
  x = b.conv2d(x, n / "conv_in", {.out = c.channels.front()});
  for (std::size_t i = 0; i < c.channels.size(); ++i) {
    const Name block = n / "down_blocks" / static_cast<int>(i);
    for (int layer = 0; layer < c.layers; ++layer) {
      x = resnet(b, x, c.channels[i], c, block / "resnets" / layer);
    }
    if (i + 1 == c.channels.size()) break;
    x = b.conv2d(x, block / "downsamplers" / 0 / "conv",
                 {.out = c.channels[i], .stride = 2, .pad_begin = 0, .pad_end = 1});
  }
  x = mid_block(b, x, c, n / "mid_block");
  x = last_convolution(b, x, 2 * c.latent_channels, c, n);
  if (c.quant_conv) {
    x = b.linear(x, Name("quant_conv"), {.out = 2 * c.latent_channels, .conv_weight = true});
  }
  // The first half of the channels is the mean, the second the log variance.
  latents_output(b, b.slice_channels(x, 0, c.latent_channels), c.latent);
  return b.finish();
}

graph::Graph build_decoder(const AutoencoderKlConfig& c, const ImageShape& shape) {
  check_image(shape, c.vae_scale_factor(), kKlClass);
  Builder b(shape.activations);
  b.set_stage("decode");
  const Name n("decoder");
  Value x =
      b.to_activations(latents_input(b, shape, c.vae_scale_factor(), c.latent_channels, c.latent));
  if (c.post_quant_conv) {
    x = b.linear(x, Name("post_quant_conv"), {.out = c.latent_channels, .conv_weight = true});
  }
  x = b.conv2d(x, n / "conv_in", {.out = c.channels.back()});
  x = mid_block(b, x, c, n / "mid_block");
  for (std::size_t i = 0; i < c.channels.size(); ++i) {
    const std::int64_t width = c.channels[c.channels.size() - 1 - i];
    const Name block = n / "up_blocks" / static_cast<int>(i);
    for (int layer = 0; layer <= c.layers; ++layer) {
      x = resnet(b, x, width, c, block / "resnets" / layer);
    }
    if (i + 1 == c.channels.size()) break;
    x = b.conv2d(x, block / "upsamplers" / 0 / "conv", {.out = width, .upsample2x = true});
  }
  image_outputs(b, shape, last_convolution(b, x, 3, c, n), 1, 0);
  return b.finish();
}

}  // namespace streamdiffusion::models
