// An opened model: its configs, its tokenizer, and the source of its weights. Independent of any
// device.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "backend/backend.h"
#include "lora/lora_set.h"
#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/controlnet.h"
#include "models/ip_adapter.h"
#include "models/unet.h"
#include "schedule/schedule.h"
#include "session/model_parts.h"
#include "streamdiffusion/options.h"
#include "tokenizer/tokenizer.h"
#include "weights/recipes.h"
#include "weights/weight_source.h"

namespace streamdiffusion::session {

enum class Component { text, text_2, unet, autoencoder };
constexpr std::size_t kComponents = 4;

/// One of a model's text encoders.
struct TextEncoder {
  Component component = Component::text;
  models::ClipTextConfig config;
  /// Empty with random weights.
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer;
  models::ClipTextOutput output = models::ClipTextOutput::last;
};

/// An IP-Adapter and the image encoder that it was made for.
struct OpenedIpAdapter {
  models::IpAdapterConfig config;
  models::ClipVisionConfig encoder;
  std::shared_ptr<const weights::WeightSource> source, encoder_source;
  std::string scope, encoder_scope;
};

class Model {
 public:
  /// Opens a folder, a file, or a preset with random weights, and the LoRAs. Compares every tensor
  /// on disk with what the configs ask for.
  static Model open(const EngineOptions& options);
  /// Throws as open() does, for a folder in which the weights are not there yet: what can be read
  /// of it is read, and checked alike.
  static void check_without_weights(const std::string& folder);

  const std::string& name() const { return name_; }
  /// Path; empty with random weights.
  const std::string& folder() const { return folder_; }
  int factor() const { return static_cast<int>(models::vae_scale_factor(autoencoder_)); }
  int latent_channels() const { return static_cast<int>(models::latent_channels(autoencoder_)); }
  int tokens() const { return tokens_; }
  /// Entries of the tokenizer's vocabulary; 0 with random weights.
  int token_count() const {
    const auto& tokenizer = text_encoders_.front().tokenizer;
    return tokenizer ? tokenizer->vocab_size() : 0;
  }
  std::int64_t parameters() const { return parameters_; }
  const schedule::Schedule& schedule() const { return schedule_; }
  /// Of a published checkpoint, whose settings are the defaults; may be none.
  const weights::FoundRecipe& recipe() const { return recipe_; }
  /// What the recipe or the folder says of the model, for images from an input or from noise; the
  /// rest is unset.
  const SessionOptions& defaults(bool text_to_image) const {
    return text_to_image ? text_defaults_ : defaults_;
  }
  /// For a person: what was found in the files, a line each.
  const std::vector<std::string>& notes() const { return notes_; }
  const std::string& sample_prompt() const { return sample_prompt_; }
  const std::string& sample_negative_prompt() const { return sample_negative_prompt_; }

  /// One, or SDXL's two; the context is that of all, side by side on channels.
  const std::vector<TextEncoder>& text_encoders() const { return text_encoders_; }
  int context_width() const { return static_cast<int>(unet_.cross_attention_dim); }
  /// Channels of the pooled text embedding that the UNet takes beside the size numbers; 0 without.
  int pooled_width() const { return static_cast<int>(unet_.pooled_dim); }
  /// Whether the UNet takes the guidance scale as an input.
  bool guidance_embedding() const { return unet_.guidance_dim > 0; }
  /// Whether the autoencoder is an AutoencoderKL, not a tiny one.
  bool large_autoencoder() const {
    return std::holds_alternative<models::AutoencoderKlConfig>(autoencoder_);
  }
  /// Levels of resolution in the UNet.
  int unet_levels() const { return static_cast<int>(unet_.levels.size()); }
  /// Where no negative prompt is given, zeros stand for its embedding, not that of an empty text
  /// ("force_zeros_for_empty_prompt").
  bool zeros_without_negative() const { return zeros_without_negative_; }

  /// Tokens of a prompt for a text encoder, padded to tokens(). A model with random weights has no
  /// vocabulary: ids from the characters.
  tokenizer::Tokens tokenize(const std::string& prompt, std::size_t encoder = 0) const;
  /// Index of the first end-of-text token.
  std::size_t end_of_text(const tokenizer::Tokens& tokens, std::size_t encoder) const;

  graph::Graph text_graph(std::size_t encoder, tensor::DType dtype) const;
  /// The UNet's part in images of height x width; one entry of `kv_rows` a row.
  models::UNetShape unet_shape(const std::vector<int>& kv_rows, int prompts, int height, int width,
                               tensor::DType dtype) const;
  graph::Graph unet_graph(const models::UNetShape& shape) const;
  /// In which the autoencoder computes where the rest does in `dtype`.
  tensor::DType autoencoder_type(tensor::DType dtype) const {
    return models::activations_of(autoencoder_, dtype);
  }
  graph::Graph encoder_graph(int frames, int height, int width, tensor::DType dtype) const;
  graph::Graph decoder_graph(int frames, int height, int width, bool image,
                             tensor::DType dtype) const;
  /// The weights with the LoRAs added under these scales.
  backend::Weights weights(Component component, std::span<const float> lora_scales = {}) const;

  /// As the engine was opened with them.
  const std::vector<ControlNet>& controlnets() const { return controlnet_options_; }
  const models::ControlNetConfig& controlnet(int number) const {
    return controlnets_[static_cast<std::size_t>(number)].config;
  }
  /// The embedding of a ControlNet's control images, and its weights.
  graph::Graph control_graph(int number, int frames, int height, int width,
                             tensor::DType dtype) const;
  backend::Weights control_weights(int number) const;

  /// As the engine was opened with them.
  const std::vector<IpAdapter>& ip_adapters() const { return ip_adapter_options_; }
  const OpenedIpAdapter& ip_adapter(int number) const {
    return ip_adapters_[static_cast<std::size_t>(number)];
  }
  /// That an adapter makes of one image.
  int image_tokens(int adapter) const;
  /// The UNet's part in those adapters that have images, so many each.
  std::vector<models::ImagePromptShape> image_prompt_shapes(const std::vector<int>& images) const;
  /// The encoder of an adapter's images, the projection of its features, and their weights.
  graph::Graph image_encoder_graph(int adapter, tensor::DType dtype) const;
  graph::Graph image_projection_graph(int adapter, tensor::DType dtype) const;
  backend::Weights image_encoder_weights(int adapter) const;
  backend::Weights image_projection_weights(int adapter) const;
  /// models::vision_embeddings() of an adapter's encoder.
  std::vector<float> image_embeddings(int adapter) const {
    return models::vision_embeddings(ip_adapter(adapter).encoder,
                                     *ip_adapter(adapter).encoder_source);
  }
  /// Reads models::kResamplerLatents.
  void read_resampler_latents(int adapter, std::span<float> out) const;
  bool knows_image_layers() const { return models::knows_layers(unet_); }
  /// Of each cross-attention of the UNet.
  std::vector<float> image_layer_shares(ImageLayers layers) const {
    return models::layer_shares(unet_, layers);
  }

  const std::vector<Lora>& loras() const { return lora_options_; }
  /// Those that the engine was opened with.
  const std::vector<float>& lora_scales() const { return lora_scales_; }
  /// The scales with 0 for each LoRA that does not change the component; empty if nothing is
  /// changed.
  std::vector<float> effective_lora_scales(Component component,
                                           std::span<const float> scales) const;

 private:
  Model() = default;
  void open_parts(const EngineOptions& options, ModelParts parts);
  /// From a folder or a file.
  void open_stored(EngineOptions options);
  void open_preset(const EngineOptions& options);
  void set_tokenizers(const std::vector<std::shared_ptr<const tokenizer::Tokenizer>>& tokenizers);
  void set_text_encoders(std::vector<models::ClipTextConfig> configs);
  void check_parts() const;
  void check_and_count();
  void set_defaults(const weights::ModelDefaults& defaults);
  void open_loras(const std::vector<Lora>& loras);
  void open_controlnets(const std::vector<ControlNet>& controlnets);
  void open_ip_adapters(const std::vector<IpAdapter>& adapters);
  OpenedIpAdapter find_ip_adapter(const IpAdapter& adapter) const;
  void open_ip_adapter(const IpAdapter& adapter);
  std::vector<tensor::TensorSpec> adapter_tensors(int number) const;
  struct OpenedControlNet {
    models::ControlNetConfig config;
    std::shared_ptr<const weights::WeightSource> source;
    std::string scope;
  };
  void open_controlnet(const ControlNet& controlnet);
  OpenedControlNet open_network(const ControlNet& controlnet) const;
  /// The UNet's weights beside those of the ControlNets, and of the IP-Adapters.
  backend::Weights with_controlnets(backend::Weights unet) const;
  backend::Weights with_ip_adapters(backend::Weights unet) const;

  std::string name_, folder_;
  models::UNetConfig unet_;
  std::vector<TextEncoder> text_encoders_;
  models::AutoencoderConfig autoencoder_;
  schedule::Schedule schedule_;
  /// By component; empty for a component that the model has not.
  std::array<std::shared_ptr<const weights::WeightSource>, kComponents> sources_;
  std::array<std::string, kComponents> scopes_;
  bool zeros_without_negative_ = false;
  int tokens_ = 77;
  PromptSyntax prompt_syntax_ = PromptSyntax::emphasis;
  std::int64_t parameters_ = 0;
  weights::FoundRecipe recipe_;
  std::vector<std::string> notes_;
  std::vector<Lora> lora_options_;
  std::vector<float> lora_scales_;
  lora::LoraSet loras_;
  std::vector<ControlNet> controlnet_options_;
  std::vector<OpenedControlNet> controlnets_;
  std::vector<IpAdapter> ip_adapter_options_;
  std::vector<OpenedIpAdapter> ip_adapters_;
  SessionOptions defaults_, text_defaults_;
  std::string sample_prompt_, sample_negative_prompt_;
};

}  // namespace streamdiffusion::session
