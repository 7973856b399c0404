// transformers' models/clip/modeling_clip.py as a graph.
#include "models/clip_text.h"

#include <string>

#include "base/error.h"
#include "graph/builder.h"
#include "models/config_reader.h"

namespace streamdiffusion::models {
namespace {

using base::ErrorCode;
using base::require;
using graph::Activation;
using graph::Builder;
using graph::Lifetime;
using graph::Name;
using graph::Value;
using json::Json;
using tensor::DType;

Activation activation(const Json& config) {
  const auto value = config.find("hidden_act");
  if (!value || value->string() == "quick_gelu") return Activation::quick_gelu;
  if (value->string() == "gelu") return Activation::gelu;
  fail_not_implemented(*value, R"("quick_gelu" or "gelu")");
}

// model_type tells a CLIP text model from other text encoders, such as T5.
Json text_config(const Json& config) {
  const auto type = config.find("model_type");
  if (type && type->string() != "clip_text_model" && type->string() != "clip") {
    fail_not_implemented(*type, R"("clip_text_model" or "clip")");
  }
  return config.find("text_config").value_or(config);
}

// x + attention(norm(x)), then x + mlp(norm(x))
Value encoder_layer(Builder& b, Value x, const ClipTextConfig& c, const Name& n) {
  const graph::LayerNorm norm{.eps = c.norm_eps};
  const Name attn = n / "self_attn";
  Value h = b.layer_norm(x, n / "layer_norm1", norm);
  const Value q = b.linear(h, attn / "q_proj", {.out = c.width});
  const Value k = b.linear(h, attn / "k_proj", {.out = c.width});
  const Value v = b.linear(h, attn / "v_proj", {.out = c.width});
  h = b.attention(q, k, v, attn, {.heads = static_cast<int>(c.heads), .causal = true});
  x = b.linear(h, attn / "out_proj", {.out = c.width, .residual = x});
  h = b.layer_norm(x, n / "layer_norm2", norm);
  h = b.linear(h, n / "mlp" / "fc1", {.out = c.mlp_width, .act = c.activation});
  return b.linear(h, n / "mlp" / "fc2", {.out = c.width, .residual = x});
}

}  // namespace

ClipTextConfig clip_text_config(const Json& file) {
  constexpr std::int64_t kMaxWidth = 1 << 16;
  const Json config = text_config(file);
  ClipTextConfig c;
  c.vocabulary = config.integer_or("vocab_size", c.vocabulary, 1, 1 << 24);
  c.positions = config.integer_or("max_position_embeddings", c.positions, 1, 4096);
  c.width = config.integer_or("hidden_size", c.width, 1, kMaxWidth);
  c.mlp_width = config.integer_or("intermediate_size", c.mlp_width, 1, kMaxWidth);
  c.layers = config.integer_or("num_hidden_layers", c.layers, 0, 256);
  c.heads = config.integer_or("num_attention_heads", c.heads, 1, kMaxWidth);
  c.activation = activation(config);
  const double eps = config.number_or("layer_norm_eps", 1e-5);
  if (eps < 0 || eps > 1) config.at("layer_norm_eps").refuse("a number from 0 to 1");
  c.norm_eps = static_cast<float>(eps);
  c.projection = config.integer_or("projection_dim", c.projection, 1, kMaxWidth);
  require(c.width % c.heads == 0, ErrorCode::corrupt_file, config.where(), ": \"hidden_size\" is ",
          c.width, ", expected a multiple of \"num_attention_heads\", ", c.heads);
  return c;
}

graph::Graph build_clip_text(const ClipTextConfig& c, const ClipTextShape& shape) {
  require(shape.prompts >= 1 && shape.prompts <= 1024, ErrorCode::invalid_argument,
          "text encoder: number of prompts is ", shape.prompts, ", expected 1 to 1024");
  require(shape.tokens >= 1 && shape.tokens <= c.positions, ErrorCode::invalid_argument,
          "text encoder: number of tokens is ", shape.tokens, ", expected 1 to the ", c.positions,
          " positions of the model");
  require(c.layers > 0 || shape.output == ClipTextOutput::last, ErrorCode::unsupported,
          "text encoder: \"num_hidden_layers\" is 0, expected 1 or more for its penultimate state");
  Builder b(shape.activations);
  b.set_stage("text");
  const Name n("text_model");
  const Value ids =
      b.input("ids", {{shape.prompts, shape.tokens, 1, 1}, DType::i32}, Lifetime::per_prompt);
  Value x = b.embedding(ids, n / "embeddings",
                        {.vocabulary = c.vocabulary, .positions = c.positions, .width = c.width},
                        "token_embedding", "position_embedding");
  Value penultimate = x;
  for (int i = 0; i < c.layers; ++i) {
    penultimate = x;
    x = encoder_layer(b, x, c, n / "encoder" / "layers" / i);
  }
  x = b.layer_norm(x, n / "final_layer_norm", {.eps = c.norm_eps});
  const bool last = shape.output == ClipTextOutput::last;
  b.output("embeddings", b.convert(last ? x : penultimate, {.to = DType::f32}));
  if (shape.output == ClipTextOutput::penultimate_and_projected) {
    x = b.linear(x, Name("text_projection"), {.out = c.projection, .bias = false});
    b.output("projected", b.convert(x, {.to = DType::f32}));
  }
  return b.finish();
}

}  // namespace streamdiffusion::models
