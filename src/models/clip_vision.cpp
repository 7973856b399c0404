// transformers' CLIPVisionTransformer as a graph. The convolution of patches is a linear layer over
// patches that are cut out on the host, so the class token is one more of them, of zeros.
#include "models/clip_vision.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "graph/builder.h"
#include "models/clip_layer.h"
#include "models/config_reader.h"

namespace streamdiffusion::models {
namespace {

using base::ErrorCode;
using base::require;
using graph::Builder;
using graph::Lifetime;
using graph::Name;
using graph::Value;
using json::Json;
using tensor::DType;

constexpr const char* kClassEmbedding = "vision_model.embeddings.class_embedding";
constexpr const char* kPositions = "vision_model.embeddings.position_embedding.weight";
/// Of red, green and blue in CLIP's training images.
constexpr std::array<float, 3> kMean{0.48145466F, 0.4578275F, 0.40821073F};
constexpr std::array<float, 3> kDeviation{0.26862954F, 0.26130258F, 0.27577711F};

Json vision_config(const Json& config) {
  const auto type = config.find("model_type");
  if (type && type->string() != "clip_vision_model" && type->string() != "clip") {
    fail_not_implemented(*type, R"("clip_vision_model" or "clip")");
  }
  return config.find("vision_config").value_or(config);
}

}  // namespace

ClipVisionConfig clip_vision_config(const Json& file) {
  constexpr std::int64_t kMaxSide = 4096;
  const Json config = vision_config(file);
  ClipVisionConfig c;
  c.image = config.integer_or("image_size", c.image, 1, kMaxSide);
  c.patch = config.integer_or("patch_size", c.patch, 1, c.image);
  read_clip_layers(config, c.layer, c.layers, 1);
  // Of a whole CLIPModel the outer config has it.
  c.projection = config.integer_or("projection_dim", c.projection, 1, kMaxClipWidth);
  c.projection = file.integer_or("projection_dim", c.projection, 1, kMaxClipWidth);
  const auto colors = config.find("num_channels");
  if (colors && colors->integer() != 3) fail_not_implemented(*colors, "3");
  require(c.tokens() <= 4096, ErrorCode::unsupported, config.where(), ": \"image_size\" ", c.image,
          " and \"patch_size\" ", c.patch, " give ", c.tokens(), " tokens, expected at most 4096");
  return c;
}

graph::Graph build_clip_vision(const ClipVisionConfig& c, ClipVisionOutput output,
                               DType activations) {
  Builder b(activations);
  b.set_stage("image prompt");
  const Name n("vision_model");
  const auto input = [&](const char* name, std::int64_t channels) {
    return b.to_activations(
        b.input(name, {{1, c.tokens(), 1, channels}, DType::f32}, Lifetime::per_prompt));
  };
  const Value patches = input("patches", c.patch_numbers());
  Value x = b.linear(patches, n / "embeddings" / "patch_embedding",
                     {.out = c.layer.width,
                      .bias = false,
                      .residual = input("embeddings", c.layer.width),
                      .patch = c.patch});
  const graph::LayerNorm norm{.eps = c.layer.norm_eps};
  x = b.layer_norm(x, n / "pre_layrnorm", norm);  // spelt so in the files
  const bool projected = output == ClipVisionOutput::projected;
  for (int i = 0; i < static_cast<int>(c.layers) - (projected ? 0 : 1); ++i) {
    x = clip_layer(b, x, c.layer, n / "encoder" / "layers" / i);
  }
  if (projected) {
    x = b.layer_norm(x, n / "post_layernorm", norm);
    x = b.linear(x, Name("visual_projection"), {.out = c.projection, .bias = false});
  }
  b.output("image", b.convert(x, {.to = DType::f32}));
  return b.finish();
}

std::vector<tensor::TensorSpec> clip_vision_tensors(const ClipVisionConfig& c,
                                                    ClipVisionOutput output) {
  const graph::Graph graph = build_clip_vision(c, output, DType::f32);
  std::vector<tensor::TensorSpec> tensors(graph.weights.begin(), graph.weights.end());
  tensors.push_back({kClassEmbedding, {c.layer.width}});
  tensors.push_back({kPositions, {c.tokens(), c.layer.width}});
  return tensors;
}

std::vector<float> vision_embeddings(const ClipVisionConfig& c,
                                     const weights::WeightSource& weights) {
  const auto width = static_cast<std::size_t>(c.layer.width);
  std::vector<float> embeddings(static_cast<std::size_t>(c.tokens()) * width);
  weights.read_f32(kPositions, std::array{c.tokens(), c.layer.width}, embeddings);
  std::vector<float> first(width);
  weights.read_f32(kClassEmbedding, std::array{c.layer.width}, first);
  std::ranges::transform(first, embeddings, embeddings.begin(), std::plus<>());
  return embeddings;
}

void write_patches(const ClipVisionConfig& c, std::span<const std::uint8_t> rgb,
                   std::span<float> patches) {
  std::ranges::fill(patches, 0.0F);
  if (rgb.empty()) return;
  const auto side = static_cast<std::size_t>(c.image), patch = static_cast<std::size_t>(c.patch);
  auto* out = patches.data() + c.patch_numbers();
  const std::size_t across = side / patch;
  for (std::size_t i = 0; i < across * across; ++i) {
    const std::size_t top = i / across * patch, left = i % across * patch;
    for (std::size_t color = 0; color < 3; ++color) {
      for (std::size_t at = 0; at < patch * patch; ++at) {
        const std::size_t pixel = (top + at / patch) * side + left + at % patch;
        *out++ = (static_cast<float>(rgb[3 * pixel + color]) / 255.0F - kMean[color]) /
                 kDeviation[color];
      }
    }
  }
}

}  // namespace streamdiffusion::models
