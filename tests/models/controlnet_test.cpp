// ControlNets: the published sizes, inputs and lifetimes, what a UNet without them costs, and
// configs that are refused. The numbers themselves: tests/golden/controlnet_test.cpp.
#include "models/controlnet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/memory_plan.h"
#include "models/count_parameters.h"
#include "models/unet.h"
#include "support.h"

namespace streamdiffusion::models {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::string_view kSd15 = R"({"_class_name": "ControlNetModel", "cross_attention_dim": 768,
  "attention_head_dim": 8, "block_out_channels": [320, 640, 1280, 1280], "conditioning_channels": 3,
  "controlnet_conditioning_channel_order": "rgb", "global_pool_conditions": false})";
constexpr std::string_view kSd21 = R"({"attention_head_dim": [5, 10, 20, 20],
  "cross_attention_dim": 1024, "use_linear_projection": true})";
constexpr std::string_view kSdxl =
    R"({"attention_head_dim": [5, 10, 20], "cross_attention_dim": 2048,
  "block_out_channels": [320, 640, 1280], "use_linear_projection": true,
  "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
  "transformer_layers_per_block": [1, 2, 10], "addition_embed_type": "text_time",
  "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816})";

graph::Graph controlled(std::string_view preset, std::string_view net, int rows = 1,
                        std::vector<int> active = {0}) {
  const std::vector<ControlNetConfig> nets{controlnet_config(parse(net))};
  return build_unet(unet_config(parse(find_preset(preset).unet)),
                    {.rows = rows,
                     .h = 64,
                     .w = 64,
                     .kv_rows = std::vector<int>(static_cast<std::size_t>(rows)),
                     .controlnets = std::move(active)},
                    nets);
}

struct PublishedControlNet {
  const char* preset;
  std::string_view config;
  std::int64_t parameters, tensors, residuals;
  /// 10^9 products of a row, with the image's embedding.
  double gmac;
};

TEST(ControlNet, SizesOfThePublishedNetworks) {
  for (const PublishedControlNet& net :
       {PublishedControlNet{"sd15", kSd15, 361'279'120, 340, 13, 141.6},
        {"sd-turbo", kSd21, 364'228'240, 340, 13, 142},
        {"sdxl-turbo", kSdxl, 1'251'014'160, 844, 10, 356.0}}) {
    SCOPED_TRACE(net.preset);
    const ControlNetConfig config = controlnet_config(parse(net.config));
    EXPECT_EQ(residual_count(config), net.residuals);
    EXPECT_EQ(control_factor(config), 8);
    const ParameterCount with = count_parameters(controlled(net.preset, net.config)),
                         without = count_parameters(controlled(net.preset, net.config, 1, {})),
                         embedding = count_parameters(build_control_embedding(config, {}));
    EXPECT_EQ(with.parameters - without.parameters + embedding.parameters, net.parameters);
    EXPECT_EQ(with.tensors - without.tensors + embedding.tensors, net.tensors);
    EXPECT_NEAR((with.flops - without.flops + embedding.flops) / 2e9, net.gmac, 0.02 * net.gmac);
    EXPECT_NEAR(embedding.flops / 2e9, 7.4, 0.1);
  }
}

TEST(ControlNet, IsOneOfTheInputsOfAFrame) {
  const graph::Graph graph = controlled("sd15", kSd15, 3);
  for (const graph::Input& input : graph.inputs) {
    if (!input.name.starts_with("control")) continue;
    EXPECT_EQ(graph.info(input.value).lifetime, graph::Lifetime::per_frame);
    const tensor::Shape shape =
        input.name == "control.0" ? tensor::Shape{3, 64, 64, 320} : tensor::Shape{3, 1, 1, 13};
    EXPECT_EQ(graph.desc(input.value).shape, shape) << input.name;
  }
  EXPECT_NE(find_weight(graph, "controlnets.0.controlnet_down_blocks.11.weight"), nullptr);
  EXPECT_NE(find_weight(graph, "controlnets.0.controlnet_mid_block.weight"), nullptr);
}

/// Keys and values of its attention are computed ahead, as the UNet's are, and no residual waits
/// for another: the arena grows by less than half.
TEST(ControlNet, ComputesAheadAndKeepsNoResiduals) {
  const graph::MemoryPlan with = graph::plan_memory(controlled("sd15", kSd15)),
                          without = graph::plan_memory(controlled("sd15", kSd15, 1, {}));
  const auto ops = [](const graph::MemoryPlan& plan, graph::Lifetime lifetime) {
    return plan.programs[static_cast<std::size_t>(lifetime)].size();
  };
  EXPECT_EQ(ops(with, graph::Lifetime::per_prompt) - ops(without, graph::Lifetime::per_prompt),
            2 * 7U);
  EXPECT_LT(static_cast<double>(with.arena_bytes), 1.5 * static_cast<double>(without.arena_bytes));
}

std::string controlnet_refusal(std::string_view config, base::ErrorCode code) {
  return message_of(code, [&] { controlnet_config(parse(config)); });
}

TEST(ControlNet, RefusesWhatItDoesNotImplement) {
  using base::ErrorCode;
  EXPECT_THAT(
      controlnet_refusal(R"({"_class_name": "ControlNetUnionModel"})", ErrorCode::unsupported),
      AllOf(HasSubstr("ControlNetUnionModel"), HasSubstr("ControlNetModel")));
  EXPECT_THAT(controlnet_refusal(R"({"conditioning_channels": 6})", ErrorCode::unsupported),
              AllOf(HasSubstr("conditioning_channels"), HasSubstr("TemporalNet")));
  EXPECT_THAT(controlnet_refusal(R"({"global_pool_conditions": true})", ErrorCode::unsupported),
              HasSubstr("global_pool_conditions"));
  EXPECT_THAT(controlnet_refusal(R"({"controlnet_conditioning_channel_order": "gbr"})",
                                 ErrorCode::corrupt_file),
              AllOf(HasSubstr("gbr"), HasSubstr("\"rgb\" or \"bgr\"")));
  EXPECT_THAT(controlnet_refusal(R"({"up_block_types": ["UpBlock2D"]})", ErrorCode::unsupported),
              HasSubstr("up_block_types"));
  EXPECT_THAT(
      controlnet_refusal(R"({"conditioning_embedding_out_channels": []})", ErrorCode::corrupt_file),
      HasSubstr("conditioning_embedding_out_channels"));
}

TEST(ControlNet, OfAnotherUNetIsRefused) {
  const auto message = [](const char* preset, std::string_view net) {
    return message_of(base::ErrorCode::invalid_argument, [&] { controlled(preset, net); });
  };
  EXPECT_THAT(message("sd15", kSd21),
              AllOf(HasSubstr("cross_attention_dim"), HasSubstr("1024"), HasSubstr("768")));
  EXPECT_THAT(message("sd15", kSdxl), HasSubstr("block_out_channels"));
  EXPECT_THAT(message("koala-700m", kSdxl), HasSubstr("layers_per_block"));
}

}  // namespace
}  // namespace streamdiffusion::models
