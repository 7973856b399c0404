// UNet graphs: inputs, shapes, lifetimes and names of tensors.
#include "models/unet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/memory_plan.h"
#include "support.h"

namespace streamdiffusion::models {
namespace {

using graph::Lifetime;
using tensor::Shape;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kTinyUnet = R"({"_class_name": "UNet2DConditionModel",
  "block_out_channels": [16, 32], "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
  "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "layers_per_block": 1, "norm_num_groups": 8,
  "attention_head_dim": 4, "cross_attention_dim": 24})";

graph::Graph tiny(UNetShape shape) {
  return build_unet(unet_config(parse(kTinyUnet)), shape);
}

const tensor::Desc& input(const graph::Graph& graph, std::size_t i) {
  return graph.desc(graph.inputs[i].value);
}

TEST(UNet, HasTheInputsAndOutputOfAStream) {
  const graph::Graph graph =
      tiny({.rows = 3, .h = 9, .w = 12, .prompts = 2, .tokens = 7, .kv_rows = {1, 0, 0}});
  ASSERT_EQ(graph.inputs.size(), 3U);
  EXPECT_EQ(graph.inputs[0].name, "latents");
  EXPECT_EQ(input(graph, 0).shape, (Shape{3, 9, 12, 4}));
  EXPECT_EQ(graph.inputs[1].name, "timesteps");
  EXPECT_EQ(input(graph, 1).shape, (Shape{3, 1, 1, 1}));
  EXPECT_EQ(graph.inputs[2].name, "context");
  EXPECT_EQ(input(graph, 2).shape, (Shape{2, 7, 1, 24}));
  ASSERT_EQ(graph.outputs.size(), 1U);
  EXPECT_EQ(graph.outputs[0].name, "prediction");
  EXPECT_EQ(graph.desc(graph.outputs[0].value), (tensor::Desc{{3, 9, 12, 4}, tensor::DType::f32}));
}

TEST(UNet, TakesOddLatentSizesAtEveryDepth) {
  const UNetConfig config = unet_config(parse(find_preset("sd15").unet));
  for (const auto& [h, w] : {std::pair{15, 20}, {9, 9}, {1, 1}, {67, 120}, {135, 240}}) {
    const graph::Graph graph = build_unet(config, {.h = h, .w = w, .kv_rows = {0}});
    EXPECT_EQ(graph.desc(graph.outputs[0].value).shape, (Shape{1, h, w, 4}));
  }
}

TEST(UNet, TimeAndPromptAreComputedAheadOfTheFrame) {
  const graph::Graph graph = tiny({.h = 8, .w = 8, .kv_rows = {0}});
  const graph::MemoryPlan plan = graph::plan_memory(graph);
  const auto ops = [&](Lifetime lifetime) {
    std::vector<std::string> names;
    for (const int i : plan.programs[static_cast<std::size_t>(lifetime)]) {
      names.push_back(graph.ops[static_cast<std::size_t>(i)].name);
    }
    return names;
  };
  EXPECT_THAT(
      ops(Lifetime::per_schedule),
      ::testing::AllOf(::testing::SizeIs(3 + 8), ::testing::Contains("time_embedding.linear_2"),
                       ::testing::Contains("up_blocks.0.resnets.1.time_emb_proj")));
  EXPECT_THAT(ops(Lifetime::per_prompt), ::testing::SizeIs(2 * 4));  // keys, values; 4 transformers
  for (const std::string& name : ops(Lifetime::per_frame)) {
    EXPECT_THAT(name, ::testing::Not(HasSubstr("time_emb")));
    EXPECT_THAT(name, ::testing::Not(::testing::EndsWith("attn2.to_k")));
  }
}

TEST(UNet, ConcatenatesForShortcutsOnly) {
  const graph::Graph graph = tiny({.h = 8, .w = 8, .kv_rows = {0}});
  int concatenations = 0, two_input_norms = 0;
  for (const graph::Op& op : graph.ops) {
    concatenations += std::holds_alternative<graph::ConcatChannels>(op.attributes) ? 1 : 0;
    two_input_norms +=
        std::holds_alternative<graph::GroupNorm>(op.attributes) && op.inputs.size() == 2 ? 1 : 0;
    EXPECT_FALSE(std::holds_alternative<graph::Add>(op.attributes)) << "residuals are attributes";
  }
  EXPECT_EQ(concatenations, 4);
  EXPECT_EQ(two_input_norms, 4);
}

TEST(UNet, NamesTensorsAsDiffusersDoes) {
  const graph::Graph graph = tiny({.h = 8, .w = 8, .kv_rows = {0}});
  const auto dims = [&](std::string_view name) {
    const graph::Weight* weight = find_weight(graph, name);
    return weight ? weight->dims : std::vector<std::int64_t>{};
  };
  EXPECT_THAT(dims("conv_in.weight"), ElementsAre(16, 4, 3, 3));
  EXPECT_THAT(dims("time_embedding.linear_1.weight"), ElementsAre(64, 16));
  EXPECT_THAT(dims("down_blocks.0.attentions.0.proj_in.weight"), ElementsAre(16, 16, 1, 1));
  EXPECT_THAT(dims("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"),
              ElementsAre(16, 24));
  EXPECT_THAT(dims("down_blocks.0.attentions.0.transformer_blocks.0.ff.net.0.proj.weight"),
              ElementsAre(128, 16));
  EXPECT_THAT(dims("down_blocks.0.downsamplers.0.conv.bias"), ElementsAre(16));
  EXPECT_THAT(dims("mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.bias"),
              ElementsAre(32));
  EXPECT_THAT(dims("up_blocks.1.resnets.0.conv_shortcut.weight"), ElementsAre(16, 48, 1, 1));
  EXPECT_THAT(dims("up_blocks.0.upsamplers.0.conv.weight"), ElementsAre(32, 32, 3, 3));
}

TEST(UNet, TransformersNormHasAnEpsOfItsOwn) {
  const graph::Graph graph = build_unet(unet_config(parse(with(kTinyUnet, R"("norm_eps": 0.01)"))),
                                        {.h = 8, .w = 8, .kv_rows = {0}});
  for (const graph::Op& op : graph.ops) {
    const auto* norm = std::get_if<graph::GroupNorm>(&op.attributes);
    if (!norm) continue;
    const bool of_transformer = op.name.find("attentions") != std::string::npos;
    EXPECT_FLOAT_EQ(norm->eps, of_transformer ? 1e-6F : 0.01F) << op.name;
    EXPECT_EQ(norm->silu, !of_transformer) << op.name;
  }
}

TEST(UNet, RefusesShapesThatCannotBe) {
  const auto refused = [](UNetShape shape) {
    return message_of(base::ErrorCode::invalid_argument, [&] { tiny(std::move(shape)); });
  };
  EXPECT_THAT(refused({.rows = 2, .kv_rows = {0}}), HasSubstr("kv_rows has 1 entries"));
  EXPECT_THAT(refused({.h = 0, .kv_rows = {0}}), HasSubstr("latent height is 0"));
  EXPECT_THAT(refused({.rows = 1, .prompts = 2, .kv_rows = {2}}), HasSubstr("kv row 2 of 2"));
  EXPECT_THAT(refused({.kv_rows = {-1}}), HasSubstr("kv row -1"));
}

}  // namespace
}  // namespace streamdiffusion::models
