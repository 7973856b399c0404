// IP-Adapters: what files tell of themselves, the numbers of cross-attentions, and what a UNet with
// image prompts costs. The numbers themselves: tests/golden/ip_adapter_test.cpp.
#include "models/ip_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/count_parameters.h"
#include "models/unet.h"
#include "support.h"

namespace streamdiffusion::models {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;
using Projection = IpAdapterConfig::Projection;
using Tensors = std::vector<tensor::TensorSpec>;

graph::Graph with_images(std::string_view preset, std::vector<ImagePromptShape> images) {
  return build_unet(
      preset_unet(preset),
      {.rows = 2, .h = 64, .w = 64, .kv_rows = {0, 0}, .image_prompts = std::move(images)});
}

TEST(IpAdapter, CrossAttentionsAreCountedDownUpMiddle) {
  const CrossAttentions sd = cross_attentions(preset_unet("sd15"));
  EXPECT_EQ(sd.down, 6);
  EXPECT_EQ(sd.up, 9);
  EXPECT_EQ(sd.middle, 1);
  const CrossAttentions sdxl = cross_attentions(preset_unet("sdxl-turbo"));
  EXPECT_EQ(sdxl.down, 24);
  EXPECT_EQ(sdxl.up, 36);
  EXPECT_EQ(sdxl.middle, 10);
  const graph::Graph unet = with_images("sd15", {{0, 4}});
  const auto rows = [&](int number) {
    const std::string name =
        "ip_adapters.0.ip_adapter." + std::to_string(number) + ".to_k_ip.weight";
    const graph::Weight* found = find_weight(unet, name);
    return found == nullptr ? 0 : found->dims[0];
  };
  std::vector<std::int64_t> found;
  for (int number = 1; number <= 33; number += 2) found.push_back(rows(number));
  EXPECT_EQ(found, (std::vector<std::int64_t>{320, 320, 640, 640, 1280, 1280, 1280, 1280, 1280, 640,
                                              640, 640, 320, 320, 320, 1280, 0}));
}

TEST(IpAdapter, StyleAndCompositionAreOneTransformerOfSdxlEach) {
  const auto acting = [](std::string_view preset, ImageLayers layers) {
    std::vector<int> numbers;
    const std::vector<float> shares = layer_shares(preset_unet(preset), layers);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if (shares[i] != 0) numbers.push_back(static_cast<int>(i));
    }
    return numbers;
  };
  EXPECT_EQ(acting("sdxl-turbo", ImageLayers::style),
            (std::vector{34, 35, 36, 37, 38, 39, 40, 41, 42, 43}));
  EXPECT_EQ(acting("sdxl-turbo", ImageLayers::composition),
            (std::vector{14, 15, 16, 17, 18, 19, 20, 21, 22, 23}));
  EXPECT_EQ(acting("sdxl-turbo", ImageLayers::whole).size(), 70U);
  EXPECT_EQ(acting("sd15", ImageLayers::style),
            (std::vector{0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 15}));
  EXPECT_EQ(acting("sd15", ImageLayers::composition), (std::vector{4, 5}));
  EXPECT_EQ(acting("sd15", ImageLayers::whole).size(), 16U);
  for (const char* other : {"sd-turbo", "ssd-1b", "segmind-vega", "koala-1b", "koala-700m"}) {
    EXPECT_NO_THROW(acting(other, ImageLayers::whole));
    for (const ImageLayers layers : {ImageLayers::style, ImageLayers::composition}) {
      try {
        acting(other, layers);
        FAIL() << "not known for " << other;
      } catch (const base::Error& error) {
        EXPECT_EQ(error.code(), base::ErrorCode::unsupported);
        EXPECT_NE(std::string(error.what()).find("not known for this UNet"), std::string::npos);
      }
    }
  }
  // The names of these layers, as a second way to count.
  const graph::Graph unet = with_images("sdxl-turbo", {{0, 4}});
  const auto transformer_of = [&](int layer) {
    const std::string name = "ip_adapters.0.ip_adapter." + std::to_string(2 * layer + 1);
    std::string text;
    for (const graph::Op& op : unet.ops) {
      if (op.name == name) return text;  // the op before it attends to the text
      if (op.kind() == std::string("attention")) text = op.name;
    }
    return std::string();
  };
  EXPECT_EQ(transformer_of(34), "up_blocks.0.attentions.1.transformer_blocks.0.attn2");
  EXPECT_EQ(transformer_of(43), "up_blocks.0.attentions.1.transformer_blocks.9.attn2");
  EXPECT_EQ(transformer_of(14), "down_blocks.2.attentions.1.transformer_blocks.0.attn2");
  EXPECT_EQ(transformer_of(60), "mid_block.attentions.0.transformer_blocks.0.attn2");
}

TEST(IpAdapter, AddsUnderOnePercentToARowOfStableDiffusion) {
  const auto frame_flops = [](const graph::Graph& graph) {
    double flops = 0;
    for (const graph::Op& op : graph.ops) {
      if (graph.info(op.output).lifetime == graph::Lifetime::per_frame) flops += graph.flops(op);
    }
    return flops;
  };
  const double without = frame_flops(with_images("sd15", {}));
  EXPECT_LT(frame_flops(with_images("sd15", {{0, 4}})), 1.002 * without);
  EXPECT_LT(frame_flops(with_images("sd15", {{0, 16}})), 1.006 * without);
}

TEST(IpAdapter, AnAdapterOfStableDiffusionHas22MillionParameters) {
  const auto parameters = [](const graph::Graph& graph) {
    return count_parameters(graph).parameters;
  };
  const std::int64_t keys =
      parameters(with_images("sd15", {{0, 4}})) - parameters(with_images("sd15", {}));
  const std::int64_t projection = parameters(build_image_projection(
      {.features = 1024, .context = 768, .tokens = 4}, 257, tensor::DType::f32));
  EXPECT_NEAR(static_cast<double>(keys + projection), 22e6, 1e6);  // section 4.1.2 of the paper
}

IpAdapterConfig config_of(Tensors tensors) {
  return ip_adapter_config(tensors, "file");
}

TEST(IpAdapter, IsToldByNamesAndShapes) {
  const tensor::TensorSpec key{"ip_adapter.1.to_k_ip.weight", {320, 768}};
  const IpAdapterConfig plain =
      config_of({key, {"image_proj.proj.weight", {3072, 1024}}, {"image_proj.norm.weight", {768}}});
  EXPECT_EQ(plain.projection, Projection::plain);
  EXPECT_EQ(plain.features, 1024);
  EXPECT_EQ(plain.context, 768);
  EXPECT_EQ(plain.tokens, 4);
  EXPECT_EQ(plain.attentions, 1);
  EXPECT_TRUE(fits(plain, {.layer = {.width = 1280}, .projection = 1024}));
  EXPECT_FALSE(fits(plain, {.layer = {.width = 1024}, .projection = 1280}));
  const IpAdapterConfig plus = config_of({key,
                                          {"image_proj.latents", {1, 16, 1280}},
                                          {"image_proj.proj_in.weight", {1280, 1664}},
                                          {"image_proj.proj_out.weight", {2048, 1280}},
                                          {"image_proj.layers.0.0.to_q.weight", {1280, 1280}},
                                          {"image_proj.layers.0.1.1.weight", {5120, 1280}}});
  EXPECT_EQ(plus.projection, Projection::plus);
  EXPECT_EQ(plus.tokens, 16);
  EXPECT_EQ(plus.heads, 20);
  EXPECT_EQ(plus.mlp_width, 5120);
  EXPECT_TRUE(fits(plus, {.layer = {.width = 1664}, .projection = 1280}));
  EXPECT_FALSE(fits(plus, {.layer = {.width = 1280}, .projection = 1024}));
}

TEST(IpAdapter, RefusesShapesThatContradictEachOther) {
  const tensor::TensorSpec key{"ip_adapter.1.to_k_ip.weight", {320, 768}};
  const auto refused = [&](Tensors tensors, ErrorCode code = ErrorCode::corrupt_file) {
    tensors.push_back(key);
    return message_of(code, [&] { config_of(std::move(tensors)); });
  };
  EXPECT_THAT(refused({{"image_proj.proj.weight", {3073, 4}}, {"image_proj.norm.weight", {768}}}),
              HasSubstr("3073 rows"));
  EXPECT_THAT(refused({{"image_proj.proj.weight", {3072}}, {"image_proj.norm.weight", {768}}}),
              HasSubstr("image_proj.proj.weight"));
  EXPECT_THAT(refused({{"image_proj.proj.weight", {4, 4}}, {"image_proj.norm.weight", {0}}}),
              HasSubstr("image_proj.norm.weight"));
  EXPECT_THAT(refused({{"image_proj.proj.weight", {4096, 4}}, {"image_proj.norm.weight", {1}}}),
              HasSubstr("4096 tokens"));
  EXPECT_THAT(refused({{"image_proj.latents", {16, 1280}}}), HasSubstr("image_proj.latents"));
  EXPECT_THAT(refused({{"image_proj.latents", {1, 16, 70}},
                       {"image_proj.proj_in.weight", {70, 8}},
                       {"image_proj.proj_out.weight", {8, 70}},
                       {"image_proj.layers.0.0.to_q.weight", {70, 70}}}),
              HasSubstr("multiple of 64"));
  EXPECT_THAT(refused({{"image_proj.other", {1}}}, ErrorCode::unsupported), HasSubstr("latents"));
  EXPECT_THAT(
      refused({{"image_proj.perceiver_resampler.proj_in.weight", {1, 1}}}, ErrorCode::unsupported),
      HasSubstr("FaceID"));
}

}  // namespace
}  // namespace streamdiffusion::models
