// Excerpts of the published models' config.json files.
#include "models/presets.h"

#include <string>
#include <vector>

#include "base/error.h"
#include "base/join.h"

namespace streamdiffusion::models {
namespace {

constexpr std::string_view kSd15UNet = R"json({
  "_class_name": "UNet2DConditionModel",
  "sample_size": 64, "in_channels": 4, "out_channels": 4,
  "block_out_channels": [320, 640, 1280, 1280],
  "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                       "DownBlock2D"],
  "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  "layers_per_block": 2, "attention_head_dim": 8, "cross_attention_dim": 768,
  "norm_num_groups": 32, "norm_eps": 1e-05, "act_fn": "silu", "downsample_padding": 1,
  "flip_sin_to_cos": true, "freq_shift": 0, "center_input_sample": false,
  "mid_block_scale_factor": 1
})json";

constexpr std::string_view kSdTurboUNet = R"json({
  "_class_name": "UNet2DConditionModel",
  "sample_size": 64, "in_channels": 4, "out_channels": 4,
  "block_out_channels": [320, 640, 1280, 1280],
  "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                       "DownBlock2D"],
  "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  "layers_per_block": 2, "attention_head_dim": [5, 10, 20, 20], "cross_attention_dim": 1024,
  "use_linear_projection": true,
  "norm_num_groups": 32, "norm_eps": 1e-05, "act_fn": "silu", "downsample_padding": 1,
  "flip_sin_to_cos": true, "freq_shift": 0, "center_input_sample": false,
  "mid_block_scale_factor": 1
})json";

/// SDXL's family differs in what `own` says.
std::string sdxl_unet(const std::string& own) {
  return R"json({
  "_class_name": "UNet2DConditionModel",
  "block_out_channels": [320, 640, 1280],
  "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
  "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
  "attention_head_dim": [5, 10, 20], "cross_attention_dim": 2048, "use_linear_projection": true,
  "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
  "projection_class_embeddings_input_dim": 2816, "sample_size": 128,
  "norm_num_groups": 32, "norm_eps": 1e-05, "act_fn": "silu", "downsample_padding": 1,
  "flip_sin_to_cos": true, "freq_shift": 0, "center_input_sample": false,
  "mid_block_scale_factor": 1, "in_channels": 4, "out_channels": 4,
  )json" +
         own + "\n}";
}

constexpr const char* kSdxl = R"json("layers_per_block": 2,
  "transformer_layers_per_block": [1, 2, 10],
  "mid_block_type": "UNetMidBlock2DCrossAttn")json";
constexpr const char* kSsd1b = R"json("layers_per_block": 2,
  "transformer_layers_per_block": [[1], [2, 2], [4, 4]],
  "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1],
  "mid_block_type": "UNetMidBlock2D")json";
constexpr const char* kVega = R"json("layers_per_block": 2,
  "transformer_layers_per_block": [1, 1, 2],
  "mid_block_type": "UNetMidBlock2D")json";
constexpr const char* kKoala1b = R"json("layers_per_block": 1,
  "transformer_layers_per_block": [1, 2, 6],
  "mid_block_type": "UNetMidBlock2DCrossAttn")json";
constexpr const char* kKoala700m = R"json("layers_per_block": 1,
  "transformer_layers_per_block": [1, 2, 5],
  "mid_block_type": null)json";

constexpr std::string_view kClipL = R"json({
  "model_type": "clip_text_model", "hidden_act": "quick_gelu",
  "hidden_size": 768, "intermediate_size": 3072,
  "num_hidden_layers": 12, "num_attention_heads": 12,
  "vocab_size": 49408, "max_position_embeddings": 77, "layer_norm_eps": 1e-05
})json";

constexpr std::string_view kOpenClipH = R"json({
  "model_type": "clip_text_model", "hidden_act": "gelu",
  "hidden_size": 1024, "intermediate_size": 4096,
  "num_hidden_layers": 23, "num_attention_heads": 16,
  "vocab_size": 49408, "max_position_embeddings": 77, "layer_norm_eps": 1e-05
})json";

constexpr std::string_view kOpenClipBigG = R"json({
  "model_type": "clip_text_model", "hidden_act": "gelu",
  "hidden_size": 1280, "intermediate_size": 5120, "projection_dim": 1280,
  "num_hidden_layers": 32, "num_attention_heads": 20,
  "vocab_size": 49408, "max_position_embeddings": 77, "layer_norm_eps": 1e-05
})json";

constexpr std::string_view kTaesd = R"json({
  "_class_name": "AutoencoderTiny",
  "in_channels": 3, "out_channels": 3, "latent_channels": 4,
  "act_fn": "relu", "scaling_factor": 1.0,
  "encoder_block_out_channels": [64, 64, 64, 64], "decoder_block_out_channels": [64, 64, 64, 64],
  "num_encoder_blocks": [1, 3, 3, 3], "num_decoder_blocks": [3, 3, 3, 1],
  "upsampling_scaling_factor": 2
})json";

/// TAESDXL has TAESD's architecture.
Preset sdxl(std::string_view name, const std::string& own) {
  return {name, sdxl_unet(own), kClipL, kTaesd, kOpenClipBigG};
}

}  // namespace

std::span<const Preset> presets() {
  static const std::vector<Preset> all{
      {"sd15", std::string(kSd15UNet), kClipL, kTaesd, {}},
      {"sd-turbo", std::string(kSdTurboUNet), kOpenClipH, kTaesd, {}},
      sdxl("sdxl-turbo", kSdxl),
      sdxl("lcm-sdxl", std::string(kSdxl) + ", \"time_cond_proj_dim\": 256"),
      sdxl("ssd-1b", kSsd1b),
      sdxl("segmind-vega", kVega),
      sdxl("koala-1b", kKoala1b),
      sdxl("koala-700m", kKoala700m)};
  return all;
}

const Preset& find_preset(std::string_view name) {
  for (const Preset& preset : presets()) {
    if (preset.name == name) return preset;
  }
  const auto quoted = [](const Preset& preset) { return base::concat('"', preset.name, '"'); };
  base::fail(base::ErrorCode::invalid_argument, "there is no architecture \"", name,
             "\", expected one of ", base::joined(presets(), quoted));
}

}  // namespace streamdiffusion::models
