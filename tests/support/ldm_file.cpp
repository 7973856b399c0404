#include "support/ldm_file.h"

#include <fstream>
#include <map>

#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/count_parameters.h"
#include "models/unet.h"
#include "support/environment.h"
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
  std::vector<TensorSpec> unet, text, text_2, autoencoder;
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
  std::vector<TensorSpec> second;
  if (!configs.text_encoder_2.empty()) {
    const std::vector<graph::Graph> text_2{models::build_clip_text(
        models::clip_text_config(parsed(configs.text_encoder_2)),
        {.prompts = 1, .tokens = 77, .output = models::ClipTextOutput::penultimate_and_projected})};
    second = models::required_tensors(text_2);
  }
  const auto config = models::autoencoder_config(parsed(configs.autoencoder));
  const std::vector<graph::Graph> autoencoder{
      models::build_encoder(config, {.frames = 1, .height = 32, .width = 32}),
      models::build_decoder(config, {.frames = 1, .height = 32, .width = 32})};
  return {models::required_tensors(unet), models::required_tensors(text), second,
          models::required_tensors(autoencoder)};
}

bool is_tiny(const TinyConfigs& configs) {
  return parsed(configs.autoencoder).at("_class_name").string() == "AutoencoderTiny";
}

void transpose(TensorToWrite& tensor) {
  const auto rows = static_cast<std::size_t>(tensor.dims[0]),
             columns = static_cast<std::size_t>(tensor.dims[1]);
  std::vector<float> values(tensor.values.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      values[c * rows + r] = tensor.values[r * columns + c];
    }
  }
  tensor.values = std::move(values);
  std::swap(tensor.dims[0], tensor.dims[1]);
}

/// The query, key and value rows of OpenCLIP, which stores them as one.
void add_open_clip(const std::vector<TensorSpec>& text, const std::string& prefix,
                   std::vector<TensorToWrite>& out) {
  std::map<std::string, TensorToWrite> joined;
  for (const TensorSpec& spec : text) {
    const weights::OpenClipTensor at = weights::open_clip_tensor(spec.name);
    TensorToWrite tensor = hashed(spec);
    tensor.name = prefix + at.name;
    if (at.transposed) transpose(tensor);
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

void write_tokenizer(const std::filesystem::path& folder, const std::string& pad, bool tiny) {
  if (tiny) {
    const std::filesystem::path data = data_folder(SD_TEST_DATA_DIR) / "text";
    write_text(folder / "tokenizer_config.json",
               R"({"model_max_length": 77, "pad_token": ")" + pad + "\"}");
    for (const char* name : {"vocab.json", "merges.txt"})
      std::filesystem::copy_file(data / name, folder / name);
    return;
  }
  const auto texts = tokenizer::clip_tokenizer_texts(pad);
  write_text(folder / "vocab.json", *texts.vocab);
  write_text(folder / "merges.txt", *texts.merges);
  write_text(folder / "tokenizer_config.json", *texts.config);
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

TinyConfigs tiny_sdxl(int vocabulary) {
  TinyConfigs configs = tiny_stable_diffusion(1, vocabulary);
  configs.unet = R"({"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4,
    "block_out_channels": [64, 128], "layers_per_block": 2, "norm_num_groups": 32,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"], "cross_attention_dim": 2048,
    "attention_head_dim": [1, 2], "use_linear_projection": true,
    "transformer_layers_per_block": [1, 2], "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816})";
  configs.text_encoder = R"({"model_type": "clip_text_model", "hidden_size": 768,
    "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 12,
    "hidden_act": "quick_gelu", "max_position_embeddings": 77, "vocab_size": )" +
                         std::to_string(vocabulary) + "}";
  configs.text_encoder_2 = R"({"model_type": "clip_text_model", "hidden_size": 1280,
    "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 20,
    "hidden_act": "gelu", "max_position_embeddings": 77, "projection_dim": 1280, "vocab_size": )" +
                           std::to_string(vocabulary) + "}";
  const auto scale = configs.autoencoder.find("0.18215");
  configs.autoencoder.replace(scale, 7, "0.13025");
  return configs;
}

TinyConfigs tiny_sdxs(int vocabulary) {
  TinyConfigs configs = tiny_stable_diffusion(2, vocabulary);
  configs.unet = R"({"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4,
    "block_out_channels": [64, 128, 128], "layers_per_block": 1, "norm_num_groups": 32,
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    "mid_block_type": null, "cross_attention_dim": 1024, "attention_head_dim": [1, 2, 2],
    "use_linear_projection": true, "only_cross_attention": [true, false, false]})";
  configs.autoencoder = R"({"_class_name": "AutoencoderTiny", "latent_channels": 4,
    "encoder_block_out_channels": [8, 8, 8, 8], "decoder_block_out_channels": [8, 8, 8, 8],
    "num_encoder_blocks": [1, 2, 2, 2], "num_decoder_blocks": [2, 2, 2, 1]})";
  return configs;
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
  const weights::LdmUNetNames unet(names, configs.by_script);
  for (const TensorSpec& spec : tensors.unet) {
    const std::string by_script = configs.by_script ? unet.of_script(spec.name) : "";
    add(spec, "model.diffusion_model." + (by_script.empty() ? unet.of(spec.name) : by_script));
  }
  const bool tiny = is_tiny(configs);
  for (const TensorSpec& spec : tensors.autoencoder) {
    add(spec,
        "first_stage_model." + (tiny ? spec.name : weights::ldm_autoencoder_name(spec.name, 4)));
    const bool attention = spec.dims.size() == 2;  // stored as 1x1 convolutions
    if (attention) out.back().dims = {spec.dims[0], spec.dims[1], 1, 1};
  }
  const bool two = !configs.text_encoder_2.empty();
  if (configs.open_clip) {
    add_open_clip(tensors.text, "cond_stage_model.model.", out);
  } else {
    const std::string prefix =
        two ? "conditioner.embedders.0.transformer." : "cond_stage_model.transformer.";
    for (const TensorSpec& spec : tensors.text) add(spec, prefix + spec.name);
  }
  if (two) add_open_clip(tensors.text_2, "conditioner.embedders.1.model.", out);
  // What training leaves in such files.
  out.push_back({"alphas_cumprod", {2}, {1, 0.5F}});
  out.push_back({"model_ema.decay", {}, {0.5F}});
  return out;
}

void write_folder(const TinyConfigs& configs, const std::filesystem::path& folder) {
  const bool two = !configs.text_encoder_2.empty();
  write_text(folder / "model_index.json",
             std::string(R"({"_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", ")") +
                 (is_tiny(configs) ? "AutoencoderTiny" : "AutoencoderKL") + R"("],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],)" +
                 (two ? R"("text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],)"
                      : "") +
                 R"(
    "scheduler": ["diffusers", "LCMScheduler"]})");
  write_text(folder / "unet/config.json", configs.unet);
  write_text(folder / "text_encoder/config.json", configs.text_encoder);
  write_text(folder / "vae/config.json", configs.autoencoder);
  write_text(folder / "scheduler/scheduler_config.json",
             R"({"_class_name": "LCMScheduler", "beta_schedule": "scaled_linear",
                 "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1,
                 "set_alpha_to_one": false})");
  const bool tiny = parsed(configs.text_encoder).at("vocab_size").integer() == kTinyVocabulary;
  write_tokenizer(folder / "tokenizer", configs.open_clip ? "!" : "<|endoftext|>", tiny);
  const Tensors tensors = tensors_of(configs);
  if (two) {
    write_text(folder / "text_encoder_2/config.json", configs.text_encoder_2);
    write_tokenizer(folder / "tokenizer_2", "!", tiny);
    write_hashed(folder / "text_encoder_2/model.safetensors", tensors.text_2);
  }
  write_hashed(folder / "unet/diffusion_pytorch_model.safetensors", tensors.unet);
  write_hashed(folder / "text_encoder/model.safetensors", tensors.text);
  write_hashed(folder / "vae/diffusion_pytorch_model.safetensors", tensors.autoencoder);
}

}  // namespace streamdiffusion::testing
