#include "support/ldm_file.h"

#include <fstream>
#include <map>

#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/count_parameters.h"
#include "models/unet.h"
#include "tokenizer/clip_vocabulary.h"
#include "weights/hash_weights.h"
#include "weights/ldm_names.h"

namespace streamdiffusion::testing {
namespace {

using weights::TensorSpec;
using weights::TensorToWrite;

TensorToWrite hashed(const TensorSpec& spec) {
  std::size_t count = 1;
  for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
  TensorToWrite tensor{spec.name, spec.dims, std::vector<float>(count), tensor::DType::bf16};
  weights::HashWeights().read_f32(spec.name, spec.dims, tensor.values);
  return tensor;
}

struct Tensors {
  std::vector<TensorSpec> unet, text, autoencoder;
};

json::Json parsed(const std::string& text) {
  return json::Json::parse(text, "tiny");
}

Tensors tensors_of(const TinyConfigs& configs) {
  const std::vector<graph::Graph> unet{
      models::build_unet(models::unet_config(parsed(configs.unet)),
                         {.rows = 1, .h = 4, .w = 4, .tokens = 77, .kv_rows = {0}})};
  const std::vector<graph::Graph> text{models::build_clip_text(
      models::clip_text_config(parsed(configs.text_encoder)), {.prompts = 1, .tokens = 77})};
  const auto config = models::autoencoder_config(parsed(configs.autoencoder));
  const std::vector<graph::Graph> autoencoder{
      models::build_encoder(config, {.frames = 1, .height = 32, .width = 32}),
      models::build_decoder(config, {.frames = 1, .height = 32, .width = 32})};
  return {models::required_tensors(unet), models::required_tensors(text),
          models::required_tensors(autoencoder)};
}

/// The query, key and value rows of OpenCLIP, which stores them as one.
void add_open_clip(const std::vector<TensorSpec>& text, std::vector<TensorToWrite>& out) {
  std::map<std::string, TensorToWrite> joined;
  for (const TensorSpec& spec : text) {
    const weights::OpenClipTensor at = weights::open_clip_tensor(spec.name);
    TensorToWrite tensor = hashed(spec);
    tensor.name = "cond_stage_model.model." + at.name;
    if (at.third < 0) {
      out.push_back(std::move(tensor));
      continue;
    }
    TensorToWrite& all = joined[tensor.name];
    const std::size_t third = tensor.values.size();
    if (all.values.empty()) {
      all = {tensor.name, spec.dims, std::vector<float>(3 * third), tensor::DType::bf16};
      all.dims[0] *= 3;
    }
    std::copy(tensor.values.begin(), tensor.values.end(),
              all.values.begin() + static_cast<std::ptrdiff_t>(third) * at.third);
  }
  for (auto& [name, tensor] : joined) out.push_back(std::move(tensor));
}

void write_text(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

void write_hashed(const std::filesystem::path& file, const std::vector<TensorSpec>& specs) {
  std::vector<TensorToWrite> tensors;
  for (const TensorSpec& spec : specs) tensors.push_back(hashed(spec));
  weights::write_safetensors(file, tensors);
}

}  // namespace

TinyConfigs tiny_stable_diffusion(int version, int vocabulary) {
  const std::string width = version == 1 ? "768" : "1024";
  const std::string heads = version == 1 ? "12" : "16";
  return {
      .unet = R"({"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4,
        "block_out_channels": [64, 128], "layers_per_block": 2, "norm_num_groups": 32,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "cross_attention_dim": )" +
              width +
              (version == 1 ? R"(, "attention_head_dim": 8})"
                            : R"(, "attention_head_dim": [1, 2], "use_linear_projection": true})"),
      .text_encoder = R"({"model_type": "clip_text_model", "hidden_size": )" + width +
                      R"(, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": )" +
                      heads + R"(, "hidden_act": ")" + (version == 1 ? "quick_gelu" : "gelu") +
                      R"(", "max_position_embeddings": 77, "vocab_size": )" +
                      std::to_string(vocabulary) + "}",
      .autoencoder = R"({"_class_name": "AutoencoderKL", "block_out_channels": [32, 32, 64, 64],
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D",
                             "DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D",
                           "UpDecoderBlock2D"],
        "layers_per_block": 1, "latent_channels": 4, "norm_num_groups": 32,
        "scaling_factor": 0.18215})",
      .open_clip = version == 2};
}

std::vector<TensorToWrite> ldm_tensors(const TinyConfigs& configs) {
  const Tensors tensors = tensors_of(configs);
  std::vector<TensorToWrite> out;
  const auto add = [&](const TensorSpec& spec, const std::string& name) {
    out.push_back(hashed(spec));
    out.back().name = name;
  };
  std::vector<std::string> names;
  for (const TensorSpec& spec : tensors.unet) names.push_back(spec.name);
  const weights::LdmUNetNames unet(names);
  for (const TensorSpec& spec : tensors.unet) {
    add(spec, "model.diffusion_model." + unet.of(spec.name));
  }
  for (const TensorSpec& spec : tensors.autoencoder) {
    add(spec, "first_stage_model." + weights::ldm_autoencoder_name(spec.name, 4));
    const bool attention = spec.dims.size() == 2;  // stored as 1x1 convolutions
    if (attention) out.back().dims = {spec.dims[0], spec.dims[1], 1, 1};
  }
  if (configs.open_clip) {
    add_open_clip(tensors.text, out);
  } else {
    for (const TensorSpec& spec : tensors.text) {
      add(spec, "cond_stage_model.transformer." + spec.name);
    }
  }
  // What training leaves in such files.
  out.push_back({"alphas_cumprod", {2}, {1, 0.5F}});
  out.push_back({"model_ema.decay", {}, {0.5F}});
  return out;
}

void write_folder(const TinyConfigs& configs, const std::filesystem::path& folder) {
  write_text(folder / "model_index.json", R"({"_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "LCMScheduler"]})");
  write_text(folder / "unet/config.json", configs.unet);
  write_text(folder / "text_encoder/config.json", configs.text_encoder);
  write_text(folder / "vae/config.json", configs.autoencoder);
  write_text(folder / "scheduler/scheduler_config.json",
             R"({"_class_name": "LCMScheduler", "beta_schedule": "scaled_linear",
                 "beta_start": 0.00085, "beta_end": 0.012})");
  const auto texts = tokenizer::clip_tokenizer_texts(configs.open_clip ? "!" : "<|endoftext|>");
  write_text(folder / "tokenizer/vocab.json", *texts.vocab);
  write_text(folder / "tokenizer/merges.txt", *texts.merges);
  write_text(folder / "tokenizer/tokenizer_config.json", *texts.config);
  const Tensors tensors = tensors_of(configs);
  write_hashed(folder / "unet/diffusion_pytorch_model.safetensors", tensors.unet);
  write_hashed(folder / "text_encoder/model.safetensors", tensors.text);
  write_hashed(folder / "vae/diffusion_pytorch_model.safetensors", tensors.autoencoder);
}

}  // namespace streamdiffusion::testing
