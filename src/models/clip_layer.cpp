#include "models/clip_layer.h"

#include "base/error.h"
#include "models/config_reader.h"

namespace streamdiffusion::models {

using graph::Activation;
using graph::Name;
using graph::Value;

Value clip_layer(graph::Builder& b, Value x, const ClipLayer& c, const Name& n) {
  const graph::LayerNorm norm{.eps = c.norm_eps};
  const Name attn = n / "self_attn";
  Value h = b.layer_norm(x, n / "layer_norm1", norm);
  const Value q = b.linear(h, attn / "q_proj", {.out = c.width});
  const Value k = b.linear(h, attn / "k_proj", {.out = c.width});
  const Value v = b.linear(h, attn / "v_proj", {.out = c.width});
  h = b.attention(q, k, v, attn, {.heads = static_cast<int>(c.heads), .causal = c.causal});
  x = b.linear(h, attn / "out_proj", {.out = c.width, .residual = x});
  h = b.layer_norm(x, n / "layer_norm2", norm);
  h = b.linear(h, n / "mlp" / "fc1", {.out = c.mlp_width, .act = c.activation});
  return b.linear(h, n / "mlp" / "fc2", {.out = c.width, .residual = x});
}

namespace {

Activation activation_of(const json::Json& config) {
  const auto value = config.find("hidden_act");
  if (!value || value->string() == "quick_gelu") return Activation::quick_gelu;
  if (value->string() == "gelu") return Activation::gelu;
  fail_not_implemented(*value, R"("quick_gelu" or "gelu")");
}

float norm_eps_of(const json::Json& config) {
  const double eps = config.number_or("layer_norm_eps", 1e-5);
  if (eps < 0 || eps > 1) config.at("layer_norm_eps").refuse("a number from 0 to 1");
  return static_cast<float>(eps);
}

}  // namespace

void read_clip_layers(const json::Json& config, ClipLayer& layer, std::int64_t& count, int least) {
  layer.width = config.integer_or("hidden_size", layer.width, 1, kMaxClipWidth);
  layer.mlp_width = config.integer_or("intermediate_size", layer.mlp_width, 1, kMaxClipWidth);
  count = config.integer_or("num_hidden_layers", count, least, 256);
  layer.heads = config.integer_or("num_attention_heads", layer.heads, 1, kMaxClipWidth);
  layer.activation = activation_of(config);
  layer.norm_eps = norm_eps_of(config);
  base::require(layer.width % layer.heads == 0, base::ErrorCode::corrupt_file, config.where(),
                ": \"hidden_size\" is ", layer.width,
                ", expected a multiple of \"num_attention_heads\", ", layer.heads);
}

}  // namespace streamdiffusion::models
