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

/// Blocks of one transformer.
constexpr std::int64_t kMaxDepth = 64;

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
  require(2 * unet.freq_shift != static_cast<float>(unet.size_embedding_dim) || !unet.pooled_dim,
          ErrorCode::corrupt_file, config.file(), ": \"freq_shift\" is ", unet.freq_shift,
          ", expected another number than half of \"addition_time_embed_dim\"");
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
  const auto layers = config.per_level("layers_per_block", 2, levels, 1, 16);
  const auto heads = config.per_level("attention_head_dim", 8, levels, 1, kMaxChannels);
  for (std::size_t i = 0; i < levels; ++i) {
    unet.levels.push_back({.channels = channels[i],
                           .layers = layers[i],
                           .heads = heads[i],
                           .down_attention = has_attention(down[i], config, "Down")});
  }
}

void read_up_blocks(ConfigReader& config, UNetConfig& unet) {
  const std::size_t levels = unet.levels.size();
  const auto up = config.names(
      "up_block_types",
      {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"}, levels);
  for (std::size_t i = 0; i < levels; ++i) {
    unet.levels[i].up_attention = has_attention(up[levels - 1 - i], config, "Up");
  }
}

using Depths = std::vector<std::int64_t>;

/// One entry of a list of depths: an integer for all transformers of a block, or one for each.
Depths depths_of_block(const Json& entry, std::int64_t transformers) {
  if (!entry.is(Json::Kind::array)) {
    return Depths(static_cast<std::size_t>(transformers), entry.integer(0, kMaxDepth));
  }
  if (entry.size() != static_cast<std::size_t>(transformers)) {
    entry.refuse(base::concat("an integer or an array of ", transformers, " integers"));
  }
  return entry.integers(0, kMaxDepth);
}

/// The entry of a list over blocks, or the one integer for all of them.
Json entry_of(const Json& list, std::size_t block) {
  return list.is(Json::Kind::array) ? list[block] : list;
}

void check_list(const Json& list, std::size_t levels) {
  if (list.is(Json::Kind::array) && list.size() != levels) {
    list.refuse(base::concat("an integer or an array of ", levels, " entries"));
  }
}

bool is_nested(const Json& list) {
  if (!list.is(Json::Kind::array)) return false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].is(Json::Kind::array)) return true;
  }
  return false;
}

/// The middle block takes the last entry of the list; of a list of lists its first transformer's.
std::int64_t depth_of_mid(const Json& list, std::size_t levels) {
  const Json last = entry_of(list, levels - 1);
  if (!last.is(Json::Kind::array)) return last.integer(0, kMaxDepth);
  if (last.size() == 0) last.refuse("at least one integer");
  return last[0].integer(0, kMaxDepth);
}

/// Up blocks have a list of their own, from the innermost level outwards; without it the reversed
/// list of the down blocks. Entries of blocks without attention mean nothing.
void read_depths(ConfigReader& config, UNetConfig& unet) {
  const std::size_t levels = unet.levels.size();
  const Json one = Json::parse("1", config.file());
  const Json down = config.value("transformer_layers_per_block").value_or(one);
  auto up = config.value("reverse_transformer_layers_per_block");
  if (up && up->is(Json::Kind::null)) up.reset();
  check_list(down, levels);
  if (up) check_list(*up, levels);
  if (!up && is_nested(down)) {
    down.refuse("integers, or \"reverse_transformer_layers_per_block\" beside it");
  }
  for (std::size_t i = 0; i < levels; ++i) {
    UNetConfig::Level& level = unet.levels[i];
    if (level.down_attention) {
      level.down_transformers = depths_of_block(entry_of(down, i), level.layers);
    }
    if (!level.up_attention) continue;
    const Json entry = up ? entry_of(*up, levels - 1 - i) : entry_of(down, i);
    level.up_transformers = depths_of_block(entry, level.layers + 1);
  }
  if (unet.mid == UNetConfig::Mid::cross_attention) {
    unet.mid_transformer = depth_of_mid(down, levels);
  }
}

void read_only_cross_attention(ConfigReader& config, UNetConfig& unet) {
  const auto value = config.value("only_cross_attention");
  if (!value || value->is(Json::Kind::null)) return;
  check_list(*value, unet.levels.size());
  for (std::size_t i = 0; i < unet.levels.size(); ++i) {
    unet.levels[i].only_cross_attention = entry_of(*value, i).boolean();
  }
}

std::int64_t even_integer(const Json& value, std::int64_t min) {
  const std::int64_t found = value.integer(min, kMaxChannels);
  if (found % 2 != 0) value.refuse("an even number");
  return found;
}

/// SDXL's added conditioning: pooled text embedding and size numbers.
void read_added_conditioning(ConfigReader& config, UNetConfig& unet) {
  const auto type = config.value("addition_embed_type");
  config.ignore({"addition_time_embed_dim", "projection_class_embeddings_input_dim"});
  if (!type || type->is(Json::Kind::null)) return;
  if (!type->is(Json::Kind::string) || type->string() != "text_time") {
    fail_not_implemented(*type, "\"text_time\" or null");
  }
  const auto required = [&](std::string_view key) {
    const auto value = config.value(key);
    require(value.has_value(), ErrorCode::corrupt_file, config.file(), ": key \"", key,
            "\" is missing; expected with \"addition_embed_type\" \"text_time\"");
    return *value;
  };
  unet.size_embedding_dim = even_integer(required("addition_time_embed_dim"), 2);
  const Json sum = required("projection_class_embeddings_input_dim");
  unet.pooled_dim = sum.integer(1, kMaxChannels) - kSizeNumbers * unet.size_embedding_dim;
  if (unet.pooled_dim < 1) {
    sum.refuse(base::concat("more than ", kSizeNumbers, " times \"addition_time_embed_dim\", ",
                            kSizeNumbers * unet.size_embedding_dim));
  }
}

void read_guidance_embedding(ConfigReader& config, UNetConfig& unet) {
  const auto value = config.value("time_cond_proj_dim");
  if (value && !value->is(Json::Kind::null)) unet.guidance_dim = even_integer(*value, 4);
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

// For any other value of these keys diffusers computes something else, or fails.
void expect_implemented_values(ConfigReader& config) {
  config.expect_null({"encoder_hid_dim", "encoder_hid_dim_type", "class_embed_type",
                      "num_class_embeds", "time_embedding_act_fn", "timestep_post_act",
                      "cross_attention_norm", "num_attention_heads"});
  config.expect_false({"center_input_sample", "dual_cross_attention", "resnet_skip_time_act",
                       "class_embeddings_concat", "mid_block_only_cross_attention"});
  config.expect("mid_block_scale_factor", 1);
  config.expect("resnet_out_scale_factor", 1);
  config.expect("conv_in_kernel", 3);
  config.expect("conv_out_kernel", 3);
  config.expect("resnet_time_scale_shift", "default");
  config.expect("time_embedding_type", "positional");
  config.expect("attention_type", "default");
  if (config.string("act_fn", "silu") != "swish") config.expect("act_fn", "silu");
  // upcast_attention: softmax is always f32 here. diffusers reads the last one only for
  // addition_embed_type "text", which is rejected.
  config.ignore({"sample_size", "dropout", "upcast_attention", "addition_embed_type_num_heads"});
}

enum class Paths { down, down_and_up };

UNetConfig read_config(ConfigReader& config, Paths paths) {
  expect_implemented_values(config);
  UNetConfig unet;
  unet.in_channels = config.integer("in_channels", 4, 1, kMaxChannels);
  read_levels(config, unet);
  unet.mid = mid_block(config);
  if (paths == Paths::down_and_up) {
    unet.out_channels = config.integer("out_channels", 4, 1, kMaxChannels);
    read_up_blocks(config, unet);
    read_guidance_embedding(config, unet);
  }
  read_depths(config, unet);
  read_only_cross_attention(config, unet);
  read_added_conditioning(config, unet);
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
  check_widths(unet, config);
  return unet;
}

}  // namespace

UNetConfig unet_config(const Json& json) {
  ConfigReader config(json, "UNet2DConditionModel");
  UNetConfig unet = read_config(config, Paths::down_and_up);
  config.finish();
  return unet;
}

UNetConfig down_path_config(ConfigReader& config) {
  return read_config(config, Paths::down);
}

}  // namespace streamdiffusion::models
