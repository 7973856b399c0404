// Configs told from keys and shapes, by counting: input_blocks are numbered through all levels, and
// a downsampler ends a level.
#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "weights/ldm_keys.h"
#include "weights/ldm_names.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using Object = nlohmann::json;

/// Every model of these families attends with heads of this size, except Stable Diffusion 1, which
/// has eight heads everywhere.
constexpr std::int64_t kHeadSize = 64, kHeads = 8;
constexpr std::int64_t kContextOfOne = 768;

struct Level {
  std::int64_t channels = 0;
  int layers = 0;
  /// Of its transformers, layer by layer; empty without attention.
  std::vector<int> depths;
  /// What the first attention takes its keys from: the level's own channels, or the text.
  std::int64_t key_width = 0;
};

struct Blocks {
  /// Of the down path, and of the up path, innermost first.
  std::vector<Level> down, up;
  bool as_two_layers = false;
};

std::string numbered(const char* side, int i, const char* rest) {
  return side + std::to_string(i) + rest;
}

/// Adds one layer to a level, whose transformer is behind `attention`.
void add_layer(const LdmKeys& keys, const std::string& block, const std::string& attention,
               Level& level) {
  level.channels = keys.dim(block + "0.in_layers.2.weight", 0);
  ++level.layers;
  const std::string transformers = attention + "transformer_blocks.";
  const int depth = keys.count(transformers);
  if (depth == 0) return;
  level.depths.push_back(depth);
  level.key_width = keys.dim(transformers + "0.attn1.to_k.weight", 1);
}

/// Adds the layers of output_blocks. Diffusers' own script writes the upsampler of a pruned level
/// where its third layer would be, and leaves the names of the innermost level's attention.
void add_up_blocks(const LdmKeys& keys, Blocks& blocks) {
  blocks.up.emplace_back();
  bool ended = false;
  for (const int i : keys.numbers("output_blocks.")) {
    const std::string block = numbered("output_blocks.", i, ".");
    if (ended) blocks.up.emplace_back();
    ended = keys.has(block + "1.conv.weight") || keys.has(block + "2.conv.weight");
    if (ended && blocks.as_two_layers && !keys.has(block + "0.in_layers.2.weight")) continue;
    const std::string left =
        std::string(kInnermostAttention) + std::to_string(blocks.up.back().layers) + ".";
    const bool is_left = blocks.as_two_layers && blocks.up.size() == 1 && keys.any(left);
    add_layer(keys, block, is_left ? left : block + "1.", blocks.up.back());
  }
}

void check_depths(const LdmKeys& keys, const std::vector<Level>& levels, const char* side) {
  for (const Level& level : levels) {
    const auto attending = static_cast<int>(level.depths.size());
    base::require(level.layers > 0 && (attending == 0 || attending == level.layers),
                  ErrorCode::unsupported, keys.file(), ": ", side, " has a level of ", level.layers,
                  " layers of which ", attending, " attend, expected all of them or none");
  }
}

Blocks blocks_of(const LdmKeys& keys) {
  Blocks blocks;
  blocks.down.emplace_back();
  int last = 0;
  for (const int i : keys.numbers("input_blocks.")) {
    if (i == 0) continue;
    blocks.as_two_layers |= i != last + 1;
    last = i;
    const std::string block = numbered("input_blocks.", i, ".");
    if (keys.has(block + "0.op.weight")) {
      blocks.down.emplace_back();
    } else {
      add_layer(keys, block, block + "1.", blocks.down.back());
    }
  }
  check_depths(keys, blocks.down, "input_blocks");
  if (!keys.any("output_blocks.")) return blocks;  // a ControlNet
  add_up_blocks(keys, blocks);
  check_depths(keys, blocks.up, "output_blocks");
  base::require(blocks.up.size() == blocks.down.size(), ErrorCode::corrupt_file, keys.file(),
                ": input_blocks have ", blocks.down.size(), " levels, output_blocks ",
                blocks.up.size());
  return blocks;
}

/// One number where all layers are as deep, else a list.
Object depth_of(const std::vector<int>& depths, int otherwise) {
  if (depths.empty()) return otherwise;
  const bool equal = std::ranges::adjacent_find(depths, std::not_equal_to<>()) == depths.end();
  return equal ? Object(depths.front()) : Object(depths);
}

int last_depth(const Object& depth) {
  return depth.is_array() ? depth.back().get<int>() : depth.get<int>();
}

/// Of the first transformer.
struct Context {
  std::int64_t width = 0;
  bool linear = false;
};

Context context_of(const LdmKeys& keys) {
  Context context;
  const auto look = [&](const std::string& transformer) {
    if (context.width > 0 || !keys.has(transformer + "proj_in.weight")) return;
    context.width = keys.dim(transformer + "transformer_blocks.0.attn2.to_k.weight", 1);
    context.linear = keys.rank(transformer + "proj_in.weight") == 2;
  };
  for (const int i : keys.numbers("input_blocks.")) look(numbered("input_blocks.", i, ".1."));
  look("middle_block.1.");
  return context;
}

void add_mid_block(const LdmKeys& keys, Object& config) {
  const int depth = keys.count("middle_block.1.transformer_blocks.");
  if (!keys.any("middle_block.")) {
    config["mid_block_type"] = nullptr;
  } else if (depth == 0) {
    config["mid_block_type"] = "UNetMidBlock2D";
  } else {
    config["mid_block_type"] = "UNetMidBlock2DCrossAttn";
    const int last = last_depth(config["transformer_layers_per_block"].back());
    base::require(last == depth, ErrorCode::unsupported, keys.file(), ": the middle block is ",
                  depth, " transformer blocks deep, expected ", last, " as in the last level");
  }
}

/// Marks levels whose first attention looks at the text, as the second one does (SDXS-0.9). Where a
/// level is as wide as the text, the shapes do not tell; it is taken not to.
void add_only_cross_attention(const std::vector<Level>& levels, std::int64_t text, Object& config) {
  std::vector<bool> only;
  for (const Level& level : levels) {
    only.push_back(level.key_width == text && level.channels != text && !level.depths.empty());
  }
  if (std::ranges::find(only, true) != only.end()) config["only_cross_attention"] = only;
}

/// What a UNet and a ControlNet have in common.
Object down_config_of(const LdmKeys& keys, const std::vector<Level>& levels) {
  const Context context = context_of(keys);
  Object channels = Object::array(), types = Object::array(), layers = Object::array(),
         depths = Object::array(), heads = Object::array();
  for (const Level& level : levels) {
    channels.push_back(level.channels);
    layers.push_back(level.layers);
    types.push_back(level.depths.empty() ? "DownBlock2D" : "CrossAttnDownBlock2D");
    depths.push_back(depth_of(level.depths, 1));
    heads.push_back(context.width == kContextOfOne && !context.linear
                        ? kHeads
                        : std::max<std::int64_t>(level.channels / kHeadSize, 1));
  }
  const int mid_depth = keys.count("middle_block.1.transformer_blocks.");
  if (levels.back().depths.empty() && mid_depth > 0) depths.back() = mid_depth;
  Object config{{"in_channels", keys.dim("input_blocks.0.0.weight", 1)},
                {"use_linear_projection", context.linear},
                {"block_out_channels", channels},
                {"layers_per_block", layers},
                {"down_block_types", types},
                {"transformer_layers_per_block", depths},
                {"attention_head_dim", heads}};
  if (context.width > 0) config["cross_attention_dim"] = context.width;
  add_only_cross_attention(levels, context.width, config);
  add_mid_block(keys, config);
  if (keys.has("label_emb.0.0.weight")) {
    config["addition_embed_type"] = "text_time";
    config["addition_time_embed_dim"] = 256;
    config["projection_class_embeddings_input_dim"] = keys.dim("label_emb.0.0.weight", 1);
  }
  return config;
}

}  // namespace

std::string unet_config_of(const LdmKeys& keys, bool& out_as_two_layers) {
  const Blocks blocks = blocks_of(keys);
  out_as_two_layers = blocks.as_two_layers;
  base::require(!blocks.up.empty(), ErrorCode::corrupt_file, keys.file(),
                ": there are no output_blocks, expected those of a UNet");
  base::require(context_of(keys).width > 0, ErrorCode::unsupported, keys.file(),
                ": the UNet attends to no text; expected Stable Diffusion 1, 2 or SDXL");
  Object config = down_config_of(keys, blocks.down);
  config["_class_name"] = "UNet2DConditionModel";
  config["out_channels"] = keys.dim("out.2.weight", 0);
  const Object& depths = config["transformer_layers_per_block"];
  Object up = Object::array(), up_depths = Object::array();
  for (const Level& level : blocks.up) {
    up.push_back(level.depths.empty() ? "UpBlock2D" : "CrossAttnUpBlock2D");
    const std::size_t mirrored = blocks.down.size() - 1 - up_depths.size();
    up_depths.push_back(depth_of(level.depths, last_depth(depths[mirrored])));
  }
  Object mirrored = depths;
  std::reverse(mirrored.begin(), mirrored.end());
  if (up_depths != mirrored) config["reverse_transformer_layers_per_block"] = up_depths;
  config["up_block_types"] = up;
  for (const std::string& name :
       {std::string("time_embed.cond_proj"), std::string(kGuidanceProjection)}) {
    if (keys.has(name + ".weight")) {
      config["time_cond_proj_dim"] = keys.dim(name + ".weight", 1);
    }
  }
  return config.dump();
}

std::string controlnet_config_of(const LdmKeys& keys) {
  Object config = down_config_of(keys, blocks_of(keys).down);
  config["_class_name"] = "ControlNetModel";
  const std::string hint = kHintBlock;
  config["conditioning_channels"] = keys.dim(hint + "0.weight", 1);
  const std::vector<int> convolutions = keys.numbers(hint);
  // One in, two for each step of the size, one out.
  const std::size_t count = convolutions.size();
  const bool even =
      count >= 2 && count % 2 == 0 && convolutions.back() == 2 * static_cast<int>(count) - 2;
  base::require(even, ErrorCode::corrupt_file, keys.file(), ": ", hint, "N are ", count,
                " convolutions, expected 0, 2, 4, ..., an even number of them");
  Object channels = Object::array();
  for (std::size_t i = 0; 2 * i + 1 < count; ++i) {
    channels.push_back(keys.dim(hint + std::to_string(4 * i) + ".weight", 0));
  }
  config["conditioning_embedding_out_channels"] = channels;
  return config.dump();
}

std::vector<std::string> unet_block_names(const LdmKeys& keys) {
  const Blocks blocks = blocks_of(keys);
  std::vector<std::string> names;
  const auto add = [&](const char* side, const std::vector<Level>& levels) {
    for (std::size_t b = 0; b < levels.size(); ++b) {
      for (int l = 0; l < levels[b].layers; ++l) {
        const std::string block = side + std::to_string(b), layer = std::to_string(l);
        names.push_back(block + ".resnets." + layer + ".conv1.weight");
        if (!levels[b].depths.empty())
          names.push_back(block + ".attentions." + layer + ".norm.weight");
      }
    }
  };
  add("down_blocks.", blocks.down);
  add("up_blocks.", blocks.up);
  return names;
}

std::string autoencoder_config_of(const LdmKeys& keys, double scaling_factor) {
  const int levels = keys.count("encoder.down.");
  base::require(levels > 0, ErrorCode::corrupt_file, keys.file(),
                ": the autoencoder has no encoder.down, expected levels of it");
  Object channels = Object::array();
  for (int i = 0; i < levels; ++i) {
    channels.push_back(keys.dim(numbered("encoder.down.", i, ".block.0.conv1.weight"), 0));
  }
  const std::vector<std::string> down(static_cast<std::size_t>(levels), "DownEncoderBlock2D"),
      up(static_cast<std::size_t>(levels), "UpDecoderBlock2D");
  return Object{{"_class_name", "AutoencoderKL"},
                {"block_out_channels", channels},
                {"down_block_types", down},
                {"up_block_types", up},
                {"layers_per_block", keys.count("encoder.down.0.block.")},
                {"latent_channels", keys.dim("decoder.conv_in.weight", 1)},
                {"norm_num_groups", 32},
                {"use_quant_conv", keys.has("quant_conv.weight")},
                {"use_post_quant_conv", keys.has("post_quant_conv.weight")},
                {"mid_block_add_attention", keys.any("encoder.mid.attn_1.")},
                {"scaling_factor", scaling_factor}}
      .dump();
}

std::string text_config_of(const LdmKeys& keys, bool open_clip, int most_layers) {
  const char* embedding =
      open_clip ? "token_embedding.weight" : "embeddings.token_embedding.weight";
  const char* positions =
      open_clip ? "positional_embedding" : "embeddings.position_embedding.weight";
  const char* inner =
      open_clip ? "transformer.resblocks.0.mlp.c_fc.weight" : "encoder.layers.0.mlp.fc1.weight";
  const int layers = keys.count(open_clip ? "transformer.resblocks." : "encoder.layers.");
  const std::int64_t width = keys.dim(embedding, 1);
  Object config{{"model_type", "clip_text_model"},
                {"vocab_size", keys.dim(embedding, 0)},
                {"hidden_size", width},
                {"intermediate_size", keys.dim(inner, 0)},
                {"num_hidden_layers", std::min(layers, most_layers)},
                {"num_attention_heads", std::max<std::int64_t>(width / kHeadSize, 1)},
                {"max_position_embeddings", keys.dim(positions, 0)},
                // OpenAI's CLIP, of this width, has the approximation.
                {"hidden_act", open_clip || width != kContextOfOne ? "gelu" : "quick_gelu"}};
  for (const char* projection :
       {"text_projection", "text_projection.weight", "text_projection.weight.weight"}) {
    if (!keys.has(projection)) continue;
    const bool transposed = std::string_view(projection) == "text_projection";
    config["projection_dim"] = keys.dim(projection, transposed ? 1 : 0);
  }
  return config.dump();
}

}  // namespace streamdiffusion::weights
