// An IP-Adapter's projection from features to tokens: tencent-ailab/IP-Adapter's ImageProjModel,
// Resampler and MLPProjModel as graphs.
#include "base/error.h"
#include "graph/builder.h"
#include "models/ip_adapter.h"

namespace streamdiffusion::models {
namespace {

using graph::Activation;
using graph::Builder;
using graph::Lifetime;
using graph::Name;
using graph::Value;
using tensor::DType;
using Projection = IpAdapterConfig::Projection;

Value input(Builder& b, const char* name, std::int64_t tokens, std::int64_t channels) {
  return b.to_activations(
      b.input(name, {{1, tokens, 1, channels}, DType::f32}, Lifetime::per_prompt));
}

/// The linear layer gives all tokens side by side.
Value plain(Builder& b, Value image, const IpAdapterConfig& c, const Name& n) {
  const Value all = b.linear(image, n / "proj", {.out = c.tokens * c.context});
  Value tokens = b.slice_channels(all, 0, c.context);
  for (std::int64_t i = 1; i < c.tokens; ++i) {
    tokens = b.concat_tokens(tokens, b.slice_channels(all, i * c.context, c.context));
  }
  return b.layer_norm(tokens, n / "norm");
}

/// latents + attention of the latents to the image and to themselves
Value resampler_attention(Builder& b, Value image, Value latents, const IpAdapterConfig& c,
                          const Name& n) {
  const std::int64_t inner = c.heads * IpAdapterConfig::kHeadSize;
  const Value seen = b.layer_norm(image, n / "norm1"), own = b.layer_norm(latents, n / "norm2");
  const Value q = b.linear(own, n / "to_q", {.out = inner, .bias = false});
  const Value kv =
      b.linear(b.concat_tokens(seen, own), n / "to_kv", {.out = 2 * inner, .bias = false});
  const Value h = b.attention(q, b.slice_channels(kv, 0, inner), b.slice_channels(kv, inner, inner),
                              n, {.heads = static_cast<int>(c.heads)});
  return b.linear(h, n / "to_out", {.out = c.width, .bias = false, .residual = latents});
}

Value resampler_feed_forward(Builder& b, Value latents, const IpAdapterConfig& c, const Name& n) {
  const Value h = b.linear(b.layer_norm(latents, n / 0), n / 1,
                           {.out = c.mlp_width, .bias = false, .act = Activation::gelu});
  return b.linear(h, n / 3, {.out = c.width, .bias = false, .residual = latents});
}

Value plus(Builder& b, Value features, const IpAdapterConfig& c, const Name& n) {
  Value latents = input(b, "latents", c.tokens, c.width);
  const Value image = b.linear(features, n / "proj_in", {.out = c.width});
  for (int i = 0; i < static_cast<int>(c.layers); ++i) {
    latents = resampler_attention(b, image, latents, c, n / "layers" / i / 0);
    latents = resampler_feed_forward(b, latents, c, n / "layers" / i / 1);
  }
  const Value tokens = b.linear(latents, n / "proj_out", {.out = c.context});
  return b.layer_norm(tokens, n / "norm_out");
}

Value full(Builder& b, Value features, const IpAdapterConfig& c, const Name& n) {
  const Value h = b.linear(features, n / "proj" / 0, {.out = c.width, .act = Activation::gelu});
  return b.layer_norm(b.linear(h, n / "proj" / 2, {.out = c.context}), n / "proj" / 3);
}

}  // namespace

graph::Graph build_image_projection(const IpAdapterConfig& c, std::int64_t encoder_tokens,
                                    DType activations) {
  Builder b(activations);
  b.set_stage("image prompt");
  const Name n("image_proj");
  const bool one = c.projection == Projection::plain;
  const Value image = input(b, "image", one ? 1 : encoder_tokens, c.features);
  const auto project = c.projection == Projection::plain  ? plain
                       : c.projection == Projection::plus ? plus
                                                          : full;
  b.output("tokens", b.convert(project(b, image, c, n), {.to = DType::f32}));
  return b.finish();
}

std::vector<tensor::TensorSpec> image_projection_tensors(const IpAdapterConfig& c) {
  const graph::Graph graph = build_image_projection(c, 1, DType::f32);
  std::vector<tensor::TensorSpec> tensors(graph.weights.begin(), graph.weights.end());
  if (c.projection == Projection::plus) {
    tensors.push_back({kResamplerLatents, {1, c.tokens, c.width}});
  }
  return tensors;
}

}  // namespace streamdiffusion::models
