// CLIP text encoders: their graphs and what their configs may say.
#include "models/clip_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace streamdiffusion::models {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ClipText, WhatTransformersOmitsHasItsDefaults) {
  const ClipTextConfig config = clip_text_config(parse("{}"));
  EXPECT_EQ(config.layer.width, 512);
  EXPECT_EQ(config.layer.mlp_width, 2048);
  EXPECT_EQ(config.layer.heads, 8);
  EXPECT_EQ(config.positions, 77);
  EXPECT_EQ(config.layer.activation, graph::Activation::quick_gelu);
}

TEST(ClipText, ReadsANestedConfig) {
  const ClipTextConfig config = clip_text_config(parse(
      R"({"model_type": "clip", "text_config": {"hidden_size": 64, "num_attention_heads": 4,
          "hidden_act": "gelu"}, "vision_config": {"hidden_size": 9}})"));
  EXPECT_EQ(config.layer.width, 64);
  EXPECT_EQ(config.layer.heads, 4);
  EXPECT_EQ(config.layer.activation, graph::Activation::gelu);
}

TEST(ClipText, RefusesWhatItCannotRun) {
  const auto refusal = [](ErrorCode code, std::string_view json) {
    return message_of(code, [&] { clip_text_config(parse(json)); });
  };
  EXPECT_THAT(refusal(ErrorCode::unsupported, R"({"hidden_act": "gelu_new"})"),
              HasSubstr("gelu_new"));
  EXPECT_THAT(refusal(ErrorCode::unsupported, R"({"model_type": "t5"})"), HasSubstr("t5"));
  EXPECT_THAT(refusal(ErrorCode::corrupt_file, R"({"num_attention_heads": 7})"),
              HasSubstr("num_attention_heads"));
  EXPECT_THAT(refusal(ErrorCode::corrupt_file, R"({"hidden_size": 0})"), HasSubstr("hidden_size"));
  EXPECT_THAT(refusal(ErrorCode::corrupt_file, R"({"layer_norm_eps": 1e300})"),
              HasSubstr("layer_norm_eps"));
  EXPECT_THAT(refusal(ErrorCode::corrupt_file, R"({"text_config": 3})"), HasSubstr("text_config"));
}

TEST(ClipText, GivesWhatSdxlAsksFor) {
  const ClipTextConfig config = clip_text_config(
      parse(R"({"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
                "intermediate_size": 96, "vocab_size": 100, "projection_dim": 48})"));
  const ClipTextShape shape{.tokens = 11, .output = ClipTextOutput::penultimate_and_projected};
  const graph::Graph graph = build_clip_text(config, shape);
  ASSERT_EQ(graph.outputs.size(), 2U);
  EXPECT_EQ(graph.outputs[1].name, "projected");
  EXPECT_EQ(graph.desc(graph.outputs[1].value), (tensor::Desc{{1, 11, 1, 48}, tensor::DType::f32}));
  EXPECT_THAT(find_weight(graph, "text_projection.weight")->dims, ElementsAre(48, 64));
  const ClipTextConfig none = clip_text_config(parse(R"({"num_hidden_layers": 0})"));
  EXPECT_THAT(message_of(ErrorCode::unsupported, [&] { build_clip_text(none, shape); }),
              HasSubstr("num_hidden_layers"));
}

TEST(ClipText, TokensBecomeOneEmbeddingEach) {
  const ClipTextConfig config = clip_text_config(
      parse(R"({"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
                "intermediate_size": 96, "vocab_size": 100, "max_position_embeddings": 20})"));
  const graph::Graph graph = build_clip_text(config, {.prompts = 3, .tokens = 11});
  EXPECT_EQ(graph.inputs[0].name, "ids");
  EXPECT_EQ(graph.desc(graph.inputs[0].value), (tensor::Desc{{3, 11, 1, 1}, tensor::DType::i32}));
  EXPECT_EQ(graph.outputs[0].name, "embeddings");
  EXPECT_EQ(graph.desc(graph.outputs[0].value), (tensor::Desc{{3, 11, 1, 64}, tensor::DType::f32}));
  EXPECT_EQ(graph.info(graph.outputs[0].value).lifetime, graph::Lifetime::per_prompt);
  EXPECT_THAT(find_weight(graph, "text_model.embeddings.token_embedding.weight")->dims,
              ElementsAre(100, 64));
  EXPECT_THAT(find_weight(graph, "text_model.encoder.layers.1.mlp.fc1.weight")->dims,
              ElementsAre(96, 64));
  EXPECT_THAT(
      message_of(ErrorCode::invalid_argument, [&] { build_clip_text(config, {.tokens = 21}); }),
      HasSubstr("21"));
}

}  // namespace
}  // namespace streamdiffusion::models
