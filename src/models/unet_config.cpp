// Reads UNet2DConditionModel's config and rejects every variant that the builder does not
// implement.
#include "models/unet_config.h"

#include "base/error.h"
#include "models/config_reader.h"

namespace streamdiffusion::models {
namespace {

using base::ErrorCode;
using base::require;
using json::Json;

constexpr std::int64_t kMaxChannels = 1 << 16;

bool has_attention(const std::string& type, const ConfigReader& config, const char* side) {
  if (type == std::string("CrossAttn") + side + "Block2D") return true;
  require(type == std::string(side) + "Block2D", ErrorCode::unsupported, config.file(),
          ": block type \"", type, "\" is not implemented; expected \"", side,
          "Block2D\" or \"CrossAttn", side, "Block2D\"");
  return false;
}

UNetConfig::Mid mid_block(ConfigReader& config) {
  const auto type = config.value("mid_block_type");
  if (!type) return UNetConfig::Mid::cross_attention;
  if (type->is(Json::Kind::null)) return UNetConfig::Mid::none;
  if (type->string() == "UNetMidBlock2D") return UNetConfig::Mid::resnet;
  if (type->string() == "UNetMidBlock2DCrossAttn") return UNetConfig::Mid::cross_attention;
  fail_not_implemented(*type, R"("UNetMidBlock2DCrossAttn", "UNetMidBlock2D" or null)");
}

void check_widths(const UNetConfig& unet, const ConfigReader& config) {
  const std::int64_t half = unet.levels.front().channels / 2;
  require(unet.freq_shift != static_cast<float>(half), ErrorCode::corrupt_file, config.file(),
          ": \"freq_shift\" is ", unet.freq_shift, ", expected another number than half of the ",
          unet.levels.front().channels, " channels of the timestep embedding");
  for (std::size_t i = 0; i < unet.levels.size(); ++i) {
    const UNetConfig::Level& level = unet.levels[i];
    require(level.channels % unet.norm_groups == 0, ErrorCode::corrupt_file, config.file(),
            ": \"block_out_channels\"[", i, "] is ", level.channels,
            ", expected a multiple of \"norm_num_groups\", ", unet.norm_groups);
    const bool mid = i + 1 == unet.levels.size() && unet.mid == UNetConfig::Mid::cross_attention;
    const bool attends = level.down_attention || level.up_attention || mid;
    require(!attends || level.channels % level.heads == 0, ErrorCode::unsupported, config.file(),
            ": \"block_out_channels\"[", i, "] is ", level.channels,
            ", expected a multiple of the ", level.heads, " heads in \"attention_head_dim\"");
  }
}

void read_levels(ConfigReader& config, UNetConfig& unet) {
  const auto channels =
      config.integers("block_out_channels", {320, 640, 1280, 1280}, 1, kMaxChannels);
  const std::size_t levels = channels.size();
  const auto down = config.names(
      "down_block_types",
      {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"},
      levels);
  const auto up = config.names(
      "up_block_types",
      {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"}, levels);
  const auto layers = config.per_level("layers_per_block", 2, levels, 1, 16);
  const auto depth = config.per_level("transformer_layers_per_block", 1, levels, 0, 64);
  const auto heads = config.per_level("attention_head_dim", 8, levels, 1, kMaxChannels);
  for (std::size_t i = 0; i < levels; ++i) {
    unet.levels.push_back({.channels = channels[i],
                           .layers = layers[i],
                           .transformer_layers = depth[i],
                           .heads = heads[i],
                           .down_attention = has_attention(down[i], config, "Down"),
                           .up_attention = has_attention(up[levels - 1 - i], config, "Up")});
  }
}

std::int64_t cross_attention_dim(ConfigReader& config, std::size_t levels) {
  const auto dims = config.per_level("cross_attention_dim", 1280, levels, 1, kMaxChannels);
  for (const std::int64_t dim : dims) {
    if (dim != dims.front()) {
      fail_not_implemented(*config.value("cross_attention_dim"), "the same number for every level");
    }
  }
  return dims.front();
}

void expect_false_or_falses(ConfigReader& config, std::string_view key) {
  const auto value = config.value(key);
  if (!value || value->is(Json::Kind::boolean)) return config.expect_false({key});
  if (!value->is(Json::Kind::array)) fail_not_implemented(*value, "false");
  for (std::size_t i = 0; i < value->size(); ++i) {
    if ((*value)[i].boolean()) fail_not_implemented((*value)[i], "false");
  }
}

// For any other value of these keys diffusers computes something else, or fails.
void expect_implemented_values(ConfigReader& config) {
  config.expect_null({"encoder_hid_dim", "encoder_hid_dim_type", "class_embed_type",
                      "num_class_embeds", "addition_embed_type", "time_cond_proj_dim",
                      "time_embedding_act_fn", "timestep_post_act", "cross_attention_norm",
                      "reverse_transformer_layers_per_block", "num_attention_heads"});
  config.expect_false({"center_input_sample", "dual_cross_attention", "resnet_skip_time_act",
                       "class_embeddings_concat", "mid_block_only_cross_attention"});
  expect_false_or_falses(config, "only_cross_attention");
  config.expect("mid_block_scale_factor", 1);
  config.expect("resnet_out_scale_factor", 1);
  config.expect("conv_in_kernel", 3);
  config.expect("conv_out_kernel", 3);
  config.expect("resnet_time_scale_shift", "default");
  config.expect("time_embedding_type", "positional");
  config.expect("attention_type", "default");
  if (config.string("act_fn", "silu") != "swish") config.expect("act_fn", "silu");
  // upcast_attention: softmax is always f32 here. diffusers reads the other three only together
  // with keys that are rejected above.
  config.ignore({"sample_size", "dropout", "upcast_attention", "addition_time_embed_dim",
                 "addition_embed_type_num_heads", "projection_class_embeddings_input_dim"});
}

}  // namespace

UNetConfig unet_config(const Json& json) {
  ConfigReader config(json, "UNet2DConditionModel");
  expect_implemented_values(config);
  UNetConfig unet;
  unet.in_channels = config.integer("in_channels", 4, 1, kMaxChannels);
  unet.out_channels = config.integer("out_channels", 4, 1, kMaxChannels);
  read_levels(config, unet);
  unet.mid = mid_block(config);
  unet.cross_attention_dim = cross_attention_dim(config, unet.levels.size());
  unet.time_dim = 4 * unet.levels.front().channels;
  const auto time_dim = config.value("time_embedding_dim");
  if (time_dim && !time_dim->is(Json::Kind::null))
    unet.time_dim = time_dim->integer(1, kMaxChannels);
  unet.norm_groups = static_cast<int>(config.integer("norm_num_groups", 32, 1, kMaxChannels));
  unet.norm_eps = config.number("norm_eps", 1e-5, 0, 1);
  unet.linear_projection = config.boolean("use_linear_projection", false);
  unet.flip_sin_to_cos = config.boolean("flip_sin_to_cos", true);
  unet.freq_shift = config.number("freq_shift", 0, 0, 1);
  unet.pad_both_sides = config.integer("downsample_padding", 1, 0, 1) == 1;
  config.finish();
  check_widths(unet, config);
  return unet;
}

}  // namespace streamdiffusion::models
