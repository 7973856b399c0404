#include "models/controlnet.h"

#include "base/error.h"
#include "models/config_reader.h"
#include "models/numbered_name.h"

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

constexpr std::int64_t kMaxEmbeddingChannels = 1 << 14;
constexpr int kImageChannels = 3;
constexpr const char* kControlNets = "controlnets";

bool attends(const UNetConfig& config) {
  bool any = config.mid == UNetConfig::Mid::cross_attention;
  for (const Level& level : config.levels) any |= level.down_attention;
  return any;
}

void expect_one_image(ConfigReader& config) {
  const auto channels = config.value("conditioning_channels");
  const bool two = channels && channels->is(json::Json::Kind::integer) &&
                   channels->integer() == 2 * kImageChannels;
  require(
      !two, ErrorCode::unsupported, config.file(),
      ": \"conditioning_channels\" is 6, expected 3; a net that reads the image before as well, "
      "as TemporalNet does, is not supported");
  config.expect("conditioning_channels", kImageChannels);
}

/// The image in 0..1, in the order of colors that the network takes.
Value image(Builder& b, const ControlNetConfig& config, const ImageShape& shape) {
  const Value rgb = pixels_input(b, shape, 1 / 255.0F, 0);
  if (!config.bgr) return rgb;
  const auto channel = [&](int c) { return b.slice_channels(rgb, c, 1); };
  return b.concat_channels(b.concat_channels(channel(2), channel(1)), channel(0));
}

}  // namespace

ControlNetConfig controlnet_config(const json::Json& json) {
  ConfigReader config(json, "ControlNetModel");
  ControlNetConfig net;
  net.down = down_path_config(config);
  expect_one_image(config);
  config.expect_false({"global_pool_conditions"});
  net.embedding_channels = config.integers("conditioning_embedding_out_channels",
                                           net.embedding_channels, 1, kMaxEmbeddingChannels);
  const std::string order = config.string("controlnet_conditioning_channel_order", "rgb");
  require(order == "rgb" || order == "bgr", ErrorCode::corrupt_file, config.file(),
          ": \"controlnet_conditioning_channel_order\" is \"", order,
          "\", expected \"rgb\" or \"bgr\"");
  net.bgr = order == "bgr";
  config.finish();
  return net;
}

ControlNetConfig controlnet_of(const UNetConfig& unet) {
  ControlNetConfig net{.down = unet};
  net.down.guidance_dim = 0;
  net.down.out_channels = UNetConfig().out_channels;
  for (Level& level : net.down.levels) {
    level.up_attention = false;
    level.up_transformers.clear();
  }
  return net;
}

std::int64_t control_factor(const ControlNetConfig& config) {
  return std::int64_t{1} << (config.embedding_channels.size() - 1);
}

std::int64_t residual_count(const ControlNetConfig& config) {
  return static_cast<std::int64_t>(skip_count(config.down)) + 1;
}

std::string controlnet_root(int index) {
  return (Name(kControlNets) / index).str();
}

std::optional<ControlNetTensor> controlnet_tensor(std::string_view name) {
  const auto found = numbered_name(kControlNets, name);
  if (!found) return std::nullopt;
  return ControlNetTensor{found->number, found->name};
}

void check_fits(const ControlNetConfig& config, const UNetConfig& unet) {
  const auto same = [](std::string_view what, std::int64_t found, std::int64_t expected) {
    require(found == expected, ErrorCode::invalid_argument,
            "the ControlNet is of another UNet: ", what, " is ", found, ", the UNet's ", expected);
  };
  const UNetConfig& net = config.down;
  same("\"in_channels\"", net.in_channels, unet.in_channels);
  same("the number of \"block_out_channels\"", static_cast<std::int64_t>(net.levels.size()),
       static_cast<std::int64_t>(unet.levels.size()));
  for (std::size_t i = 0; i < unet.levels.size(); ++i) {
    const std::string at = base::concat("[", i, "]");
    same("\"block_out_channels\"" + at, net.levels[i].channels, unet.levels[i].channels);
    same("\"layers_per_block\"" + at, net.levels[i].layers, unet.levels[i].layers);
  }
  same("\"downsample_padding\"", net.pad_both_sides ? 1 : 0, unet.pad_both_sides ? 1 : 0);
  if (attends(net)) {
    same("\"cross_attention_dim\"", net.cross_attention_dim, unet.cross_attention_dim);
  }
  if (net.pooled_dim > 0) {
    same("the width of the pooled text embedding", net.pooled_dim, unet.pooled_dim);
  }
}

graph::Graph build_control_embedding(const ControlNetConfig& config, const ImageShape& shape) {
  check_image(shape, control_factor(config), "ControlNet");
  Builder b(shape.activations);
  b.set_stage("control");
  const Name n("controlnet_cond_embedding");
  const std::vector<std::int64_t>& channels = config.embedding_channels;
  const auto silu = graph::Activation::silu;
  Value x =
      b.conv2d(image(b, config, shape), n / "conv_in", {.out = channels.front(), .act = silu});
  for (int i = 0; i + 1 < static_cast<int>(channels.size()); ++i) {
    const auto at = static_cast<std::size_t>(i);
    x = b.conv2d(x, n / "blocks" / (2 * i), {.out = channels[at], .act = silu});
    x = b.conv2d(x, n / "blocks" / (2 * i + 1),
                 {.out = channels[at + 1], .stride = 2, .act = silu});
  }
  b.output("control", b.conv2d(x, n / "conv_out", {.out = config.down.levels.front().channels}));
  return b.finish();
}

Value add_controlnet(Builder& b, const ControlNetConfig& config, int index,
                     const DownPathInputs& inputs, std::vector<Value>& skips, Value middle) {
  const Name root(controlnet_root(index));
  const tensor::Shape& latents = b.shape(inputs.latents);
  const std::string number = "." + std::to_string(index);
  const Value control = b.input(
      "control" + number,
      {{latents.n, latents.h, latents.w, config.down.levels.front().channels}, b.activations()},
      Lifetime::per_frame);
  const Value scales =
      b.input("control_scales" + number, {{latents.n, 1, 1, residual_count(config)}, DType::f32},
              Lifetime::per_frame);
  // A residual is added where it is made, so that no two of them are alive at a time.
  const auto add_residual = [&](Value to, Value from, const Name& n, std::int64_t column) {
    const Value residual = b.linear(from, n, {.out = b.shape(from).c, .conv_weight = true});
    return b.add_scaled(to, residual, scales, column);
  };
  int at = 0;
  DownPath path(b, config.down, inputs, root);
  const Value last = path.run(control, [&](Value skip) {
    Value& sum = skips[static_cast<std::size_t>(at)];
    sum = add_residual(sum, skip, root / "controlnet_down_blocks" / at, at);
    ++at;
  });
  return add_residual(middle, last, root / "controlnet_mid_block", at);
}

}  // namespace streamdiffusion::models
