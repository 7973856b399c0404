// IP-Adapter: images as prompts (Ye et al. 2023, arXiv 2308.06721). An image's features become a
// few tokens. Each cross-attention of a UNet attends to them with keys and values of their own,
// beside those of the text, and adds what it finds.
//
// Here is what a file tells, and the projection from features to tokens. What a UNet does with the
// tokens is recorded with it (transformer.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "models/clip_vision.h"
#include "models/unet_config.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::models {

struct IpAdapterConfig {
  /// How features become tokens.
  enum class Projection {
    /// One linear layer on the image's embedding ("IP-Adapter").
    plain,
    /// A Perceiver resampler on all tokens of the penultimate state ("IP-Adapter Plus"; Alayrac et
    /// al. 2022, arXiv 2204.14198).
    plus,
    /// A linear network on each of these tokens ("IP-Adapter Full Face").
    full,
  };
  Projection projection = Projection::plain;
  /// Channels of the features, and of the tokens: the UNet's cross_attention_dim.
  std::int64_t features = 1024, context = 768;
  /// That the adapter makes of an image; 0 with `full`: as many as there are features.
  std::int64_t tokens = 4;
  /// Of the resampler: channels, layers, heads of kHeadSize channels, and the inner channels of its
  /// feed-forward layers.
  std::int64_t width = 0, layers = 0, heads = 0, mlp_width = 0;
  /// Cross-attentions that the file has keys and values for.
  std::int64_t attentions = 0;

  static constexpr std::int64_t kHeadSize = 64;
};

/// Tells an adapter from the names and shapes in its file, which messages call `file`. Throws
/// unsupported for a FaceID adapter, and corrupt_file for a file that holds no IP-Adapter, or one
/// of which shapes contradict each other.
IpAdapterConfig ip_adapter_config(std::span<const tensor::TensorSpec> tensors,
                                  const std::string& file);

/// What the adapter asks an image encoder for.
ClipVisionOutput features_of(const IpAdapterConfig& config);
/// Whether an encoder gives features of the adapter's width.
bool fits(const IpAdapterConfig& config, const ClipVisionConfig& encoder);
/// Tokens that one image becomes.
std::int64_t image_tokens(const IpAdapterConfig& config, const ClipVisionConfig& encoder);

/// Inputs, once per prompt: "image" f32, [1, 1, 1, features] with Projection::plain, else [1,
/// `encoder_tokens`, 1, features]; with `plus` also "latents" f32 [1, tokens, 1, width], the tensor
/// kResamplerLatents. Output "tokens" f32 [1, tokens, 1, context]. Tensor names as in the file.
graph::Graph build_image_projection(const IpAdapterConfig& config, std::int64_t encoder_tokens,
                                    tensor::DType activations);
inline constexpr const char* kResamplerLatents = "image_proj.latents";

/// Every tensor of the projection.
std::vector<tensor::TensorSpec> image_projection_tensors(const IpAdapterConfig& config);

/// "ip_adapters.0" for the first: what the names of its tensors in build_unet() begin with.
std::string ip_adapter_root(int index);
/// The number of the adapter and the name in its file of a tensor in a UNet's graph; nothing for
/// another one.
struct IpAdapterTensor {
  std::size_t adapter = 0;
  std::string_view name;
};
std::optional<IpAdapterTensor> ip_adapter_tensor(std::string_view name);

/// Transformer blocks of a UNet, each with one cross-attention to the prompt. Files number them in
/// this order.
struct CrossAttentions {
  int down = 0, up = 0, middle = 0;
  int all() const { return down + up + middle; }
};
CrossAttentions cross_attentions(const UNetConfig& config);

/// Whether the cross-attentions that make the style or the composition are known.
bool knows_layers(const UNetConfig& config);

/// The share of the adapter's scale for each cross-attention, in the order of the file. Style and
/// composition: SDXL's are those of InstantStyle (Wang et al. 2024, arXiv 2404.02733), one
/// transformer each; Stable Diffusion 1's are those that users of ComfyUI found. Throws unsupported
/// for a UNet in which they are not known.
std::vector<float> layer_shares(const UNetConfig& config, ImageLayers layers);

}  // namespace streamdiffusion::models
