// What cached attention costs in the published UNets, and where it acts. The numbers that come out:
// tests/golden/cached_frames_test.cpp.
#include "models/cached_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/controlnet.h"
#include "models/unet.h"
#include "support.h"

namespace streamdiffusion::models {
namespace {

using base::ErrorCode;

graph::Graph one_row(std::string_view preset, const CachedFrames& cached,
                     tensor::DType activations = tensor::DType::bf16) {
  return build_unet(
      preset_unet(preset),
      {.rows = 1, .h = 64, .w = 64, .kv_rows = {0}, .cached = cached, .activations = activations});
}

struct Cost {
  /// Of a row, in 10^9 multiply-adds and 10^6 bytes.
  double gmac = 0, megabytes = 0;
};

Cost cost_of(const graph::Graph& graph) {
  Cost cost;
  for (const graph::Op& op : graph.ops) {
    cost.gmac += graph.flops(op) / 2e9;
    cost.megabytes += static_cast<double>(graph.kept_bytes(op)) / 1e6;
  }
  return cost;
}

/// What one more kept frame adds.
Cost of_a_frame(std::string_view preset, int first_level) {
  const Cost one = cost_of(one_row(preset, {.frames = 1, .slots = 2, .first_level = first_level})),
             two = cost_of(one_row(preset, {.frames = 2, .slots = 3, .first_level = first_level}));
  return {two.gmac - one.gmac, two.megabytes - one.megabytes};
}

TEST(CachedFrames, CostOfAKeptFrameInARow) {
  const struct {
    const char* preset;
    int first_level;
    double gmac, megabytes;
  } kExpected[]{
      {"sd15", 0, 61.2, 46},       {"sd15", 1, 7.6, 20},         {"sd-turbo", 0, 61.2, 46},
      {"sd-turbo", 1, 7.6, 20},    {"sdxl-turbo", 0, 23.5, 105}, {"sdxl-turbo", 1, 23.5, 105},
      {"sdxl-turbo", 2, 10.1, 79},
  };
  for (const auto& expected : kExpected) {
    SCOPED_TRACE(::testing::Message() << expected.preset << " from level " << expected.first_level);
    const Cost cost = of_a_frame(expected.preset, expected.first_level);
    EXPECT_NEAR(cost.gmac, expected.gmac, 0.05);
    EXPECT_NEAR(cost.megabytes, expected.megabytes, 0.5);
  }
}

TEST(CachedFrames, OfFeatureInjection) {
  const CachedFrames cached{.frames = 1, .slots = 2};
  CachedFrames injecting = cached;
  injecting.feature_injection = true;
  const Cost plain = cost_of(one_row("sd15", cached)), more = cost_of(one_row("sd15", injecting));
  EXPECT_NEAR(more.gmac - plain.gmac, 0.26, 0.01);
  EXPECT_LT(more.megabytes - plain.megabytes, 6);
}

std::vector<std::string> names_of(const graph::Graph& graph, std::string_view kind) {
  std::vector<std::string> names;
  for (const graph::Op& op : graph.ops) {
    if (graph.kept_bytes(op) > 0 && op.kind() == kind) names.push_back(op.name);
  }
  return names;
}

TEST(CachedFrames, SelfAttentionsOfTheChosenLevelsKeepThem) {
  EXPECT_EQ(names_of(one_row("sd15", {.frames = 1, .slots = 2}), "attention").size(), 16U);
  for (const std::string& name :
       names_of(one_row("sd15", {.frames = 1, .slots = 2, .first_level = 2}), "attention")) {
    EXPECT_TRUE(name.ends_with("attn1"));
    EXPECT_TRUE(name.starts_with("down_blocks.2") || name.starts_with("up_blocks.1") ||
                name.starts_with("mid_block"))
        << name;
  }
}

TEST(CachedFrames, FeaturesAreInjectedInTheMiddleAndTheInnermostUpBlocks) {
  const auto names = names_of(one_row("sd15", {.frames = 1, .slots = 2, .feature_injection = true}),
                              "inject_features");
  EXPECT_THAT(names, ::testing::UnorderedElementsAre(
                         "mid_block.attentions.0.transformer_blocks.0.attn1",
                         "up_blocks.1.attentions.0.transformer_blocks.0.attn1",
                         "up_blocks.1.attentions.1.transformer_blocks.0.attn1",
                         "up_blocks.1.attentions.2.transformer_blocks.0.attn1"));
}

TEST(CachedFrames, ControlNetsKeepNone) {
  const UNetConfig unet = preset_unet("sd15");
  const std::vector<ControlNetConfig> nets{controlnet_of(unet)};
  const graph::Graph graph = build_unet(unet,
                                        {.rows = 1,
                                         .h = 16,
                                         .w = 16,
                                         .kv_rows = {0},
                                         .controlnets = {0},
                                         .cached = {.frames = 1, .slots = 2}},
                                        nets);
  for (const std::string& name : names_of(graph, "attention"))
    EXPECT_FALSE(name.starts_with("controlnets")) << name;
}

TEST(CachedFrames, OffTheGraphIsTheSame) {
  const graph::Graph off = one_row("sd15", {}), on = one_row("sd15", {.frames = 1, .slots = 2});
  EXPECT_EQ(off.ops.size(), on.ops.size());
  EXPECT_EQ(cost_of(off).megabytes, 0);
  EXPECT_EQ(off.inputs.size() + 1, on.inputs.size());
}

TEST(CachedFrames, SlotsMustSuffice) {
  EXPECT_THAT(
      message_of(ErrorCode::invalid_argument, [] { one_row("sd15", {.frames = 2, .slots = 2}); }),
      ::testing::HasSubstr("2 slots for 2 cached frames"));
}

}  // namespace
}  // namespace streamdiffusion::models
