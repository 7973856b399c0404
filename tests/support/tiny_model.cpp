#include "support/tiny_model.h"

#include <filesystem>

#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/count_parameters.h"
#include "models/unet.h"
#include "support/environment.h"
#include "weights/hash_weights.h"
#include "weights/safetensors.h"

namespace streamdiffusion::testing {
namespace {

constexpr const char* kUNet = R"({
  "_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "block_out_channels": [16, 32],
  "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
  "layers_per_block": 1, "attention_head_dim": 2, "cross_attention_dim": 24, "norm_num_groups": 8,
  "use_linear_projection": true})";
constexpr const char* kSdxlUNet = R"({
  "_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "block_out_channels": [16, 32],
  "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
  "layers_per_block": 1, "attention_head_dim": 2, "cross_attention_dim": 56, "norm_num_groups": 8,
  "use_linear_projection": true, "transformer_layers_per_block": [1, 2], "addition_embed_type": "text_time",
  "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 68})";
constexpr const char* kWholeSdxlUNet = R"({
  "_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "block_out_channels": [8, 16, 16],
  "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
  "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
  "layers_per_block": 2, "attention_head_dim": 2, "cross_attention_dim": 56, "norm_num_groups": 8,
  "use_linear_projection": true, "transformer_layers_per_block": [1, 2, 10], "addition_embed_type": "text_time",
  "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 68})";
constexpr const char* kLcmUNet = R"({
  "_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "block_out_channels": [16, 32],
  "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
  "layers_per_block": 1, "attention_head_dim": 2, "cross_attention_dim": 24, "norm_num_groups": 8,
  "use_linear_projection": true, "time_cond_proj_dim": 16})";
constexpr const char* kText2 = R"({
  "model_type": "clip_text_model", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
  "num_attention_heads": 2, "hidden_act": "gelu", "max_position_embeddings": 16, "vocab_size": 4096,
  "projection_dim": 20})";
constexpr const char* kText = R"({
  "model_type": "clip_text_model", "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 1,
  "num_attention_heads": 2, "hidden_act": "quick_gelu", "max_position_embeddings": 16, "vocab_size": 4096})";
constexpr const char* kSdxlText = R"({
  "model_type": "clip_text_model", "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2,
  "num_attention_heads": 2, "hidden_act": "quick_gelu", "max_position_embeddings": 16, "vocab_size": 4096})";
constexpr const char* kAutoencoder = R"({
  "_class_name": "AutoencoderTiny", "latent_channels": 4, "encoder_block_out_channels": [16, 16, 16, 16],
  "decoder_block_out_channels": [16, 16, 16, 16], "num_encoder_blocks": [0, 1, 0, 1], "num_decoder_blocks": [1, 0, 1, 0]})";

json::Json json(const char* text) {
  return json::Json::parse(text, "tiny");
}

void write_weights(const std::filesystem::path& file, const std::vector<graph::Graph>& graphs,
                   float gain = 1.0F) {
  const weights::HashWeights source;
  std::vector<weights::TensorSpec> specs = models::required_tensors(graphs);
  std::vector<std::vector<float>> values;
  std::vector<weights::TensorToWrite> tensors;
  for (const weights::TensorSpec& spec : specs) {
    std::size_t count = 1;
    for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
    values.emplace_back(count);
    source.read_f32(spec.name, spec.dims, values.back());
    for (float& value : values.back()) value *= gain;
  }
  for (std::size_t i = 0; i < specs.size(); ++i)
    tensors.push_back({specs[i].name, specs[i].dims, values[i]});
  weights::write_safetensors(file, tensors);
}

}  // namespace

void TinyModel::write_text_encoder(const std::string& suffix, const char* config,
                                   models::ClipTextOutput output) const {
  write("text_encoder" + suffix + "/config.json", config);
  write("tokenizer" + suffix + "/tokenizer_config.json",
        suffix.empty() ? R"({"model_max_length": 16})"
                       : R"({"model_max_length": 16, "pad_token": "!"})");
  const std::filesystem::path data = data_folder(SD_TEST_DATA_DIR) / "text";
  for (const char* name : {"vocab.json", "merges.txt"}) {
    std::filesystem::copy_file(data / name, folder_.path() / ("tokenizer" + suffix) / name);
  }
  write_weights(folder_.path() / ("text_encoder" + suffix) / "model.safetensors",
                {models::build_clip_text(models::clip_text_config(json(config)),
                                         {.prompts = 1, .tokens = 16, .output = output})});
}

static const char* unet_of(TinyFamily family) {
  switch (family) {
    case TinyFamily::sd:
      return kUNet;
    case TinyFamily::lcm:
      return kLcmUNet;
    case TinyFamily::sdxl:
      return kSdxlUNet;
    case TinyFamily::whole_sdxl:
      return kWholeSdxlUNet;
  }
  return kUNet;
}

TinyModel::TinyModel(TinyFamily family, float autoencoder_gain) {
  const bool sdxl = family == TinyFamily::sdxl || family == TinyFamily::whole_sdxl;
  const char* unet = unet_of(family);
  write("model_index.json", std::string(R"({"_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderTiny"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],)") +
                                (sdxl ? R"(
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"], "image_encoder": [null, null],
    "force_zeros_for_empty_prompt": true,)"
                                      : "") +
                                R"(
    "scheduler": ["diffusers", "LCMScheduler"]})");
  write("unet/config.json", unet);
  write("vae/config.json", kAutoencoder);
  write("scheduler/scheduler_config.json",
        R"({"_class_name": "LCMScheduler", "prediction_type": "v_prediction"})");
  using models::ClipTextOutput;
  if (sdxl) {
    write_text_encoder("", kSdxlText, ClipTextOutput::penultimate);
    write_text_encoder("_2", kText2, ClipTextOutput::penultimate_and_projected);
  } else {
    write_text_encoder("", kText, ClipTextOutput::last);
  }
  const auto autoencoder = models::autoencoder_config(json(kAutoencoder));
  write_weights(folder_.path() / "unet/diffusion_pytorch_model.safetensors",
                {models::build_unet(models::unet_config(json(unet)),
                                    {.rows = 1, .h = 4, .w = 4, .tokens = 16, .kv_rows = {0}})});
  write_weights(folder_.path() / "vae/diffusion_pytorch_model.safetensors",
                {models::build_encoder(autoencoder, {.frames = 1, .height = 32, .width = 32}),
                 models::build_decoder(autoencoder, {.frames = 1, .height = 32, .width = 32})},
                autoencoder_gain);
}

}  // namespace streamdiffusion::testing
