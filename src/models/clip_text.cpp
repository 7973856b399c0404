// transformers' models/clip/modeling_clip.py as a graph.
#include "models/clip_text.h"

#include <string>

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

// model_type tells a CLIP text model from other text encoders, such as T5.
Json text_config(const Json& config) {
  const auto type = config.find("model_type");
  if (type && type->string() != "clip_text_model" && type->string() != "clip") {
    fail_not_implemented(*type, R"("clip_text_model" or "clip")");
  }
  return config.find("text_config").value_or(config);
}

}  // namespace

ClipTextConfig clip_text_config(const Json& file) {
  const Json config = text_config(file);
  ClipTextConfig c;
  c.vocabulary = config.integer_or("vocab_size", c.vocabulary, 1, 1 << 24);
  c.positions = config.integer_or("max_position_embeddings", c.positions, 1, 4096);
  read_clip_layers(config, c.layer, c.layers, 0);
  c.projection = config.integer_or("projection_dim", c.projection, 1, kMaxClipWidth);
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
  Value x =
      b.embedding(ids, n / "embeddings",
                  {.vocabulary = c.vocabulary, .positions = c.positions, .width = c.layer.width},
                  "token_embedding", "position_embedding");
  Value penultimate = x;
  for (int i = 0; i < c.layers; ++i) {
    penultimate = x;
    x = clip_layer(b, x, c.layer, n / "encoder" / "layers" / i);
  }
  x = b.layer_norm(x, n / "final_layer_norm", {.eps = c.layer.norm_eps});
  const bool last = shape.output == ClipTextOutput::last;
  b.output("embeddings", b.convert(last ? x : penultimate, {.to = DType::f32}));
  if (shape.output == ClipTextOutput::penultimate_and_projected) {
    x = b.linear(x, Name("text_projection"), {.out = c.projection, .bias = false});
    b.output("projected", b.convert(x, {.to = DType::f32}));
  }
  return b.finish();
}

}  // namespace streamdiffusion::models
