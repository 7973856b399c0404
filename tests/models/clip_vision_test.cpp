// CLIP's image encoders: the published sizes, how an image is cut into patches, and configs that
// are refused. The numbers themselves: tests/golden/ip_adapter_test.cpp.
#include "models/clip_vision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "models/count_parameters.h"
#include "support.h"

namespace streamdiffusion::models {
namespace {

using ::testing::HasSubstr;

constexpr const char* kVitH = R"({"model_type": "clip_vision_model", "hidden_size": 1280,
  "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16,
  "image_size": 224, "patch_size": 14, "projection_dim": 1024, "hidden_act": "gelu"})";
constexpr const char* kVitBigG = R"({"model_type": "clip_vision_model", "hidden_size": 1664,
  "intermediate_size": 8192, "num_hidden_layers": 48, "num_attention_heads": 16,
  "image_size": 224, "patch_size": 14, "projection_dim": 1280, "hidden_act": "gelu"})";

struct PublishedEncoder {
  const char* config;
  std::int64_t parameters;
  /// 10^9 products of an image.
  double gmac;
};

TEST(ClipVision, SizesOfThePublishedEncoders) {
  for (const PublishedEncoder& published :
       {PublishedEncoder{kVitH, 632'076'800, 167.3}, {kVitBigG, 1'844'907'264, 483.7}}) {
    const ClipVisionConfig config = clip_vision_config(parse(published.config));
    EXPECT_EQ(config.tokens(), 257);
    std::int64_t parameters = 0;
    for (const auto& tensor : clip_vision_tensors(config, ClipVisionOutput::projected)) {
      std::int64_t elements = 1;
      for (const std::int64_t dim : tensor.dims) elements *= dim;
      parameters += elements;
    }
    EXPECT_EQ(parameters, published.parameters);
    const double flops =
        count_parameters(build_clip_vision(config, ClipVisionOutput::projected, tensor::DType::f32))
            .flops;
    EXPECT_NEAR(flops / 2e9, published.gmac, 0.01 * published.gmac);
  }
}

TEST(ClipVision, PatchesAreByColorLineAndColumn) {
  const ClipVisionConfig config{.image = 5, .patch = 2};  // the last line and column are left out
  std::vector<std::uint8_t> rgb;
  for (int i = 0; i < 5 * 5 * 3; ++i) rgb.push_back(static_cast<std::uint8_t>(i));
  std::vector<float> patches(static_cast<std::size_t>(config.tokens() * config.patch_numbers()), 9);
  write_patches(config, rgb, patches);
  ASSERT_EQ(config.tokens(), 5);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(patches[i], 0);  // the class token
  // Patch 3 is at the lower right: its first line is line 2, its first column column 2.
  const auto expected = [](int pixel, int color) {
    constexpr std::array mean{0.48145466, 0.4578275, 0.40821073},
        deviation{0.26862954, 0.26130258, 0.27577711};
    const auto c = static_cast<std::size_t>(color);
    return ((3 * pixel + color) / 255.0 - mean[c]) / deviation[c];
  };
  std::size_t at = 4 * 12;
  for (int color = 0; color < 3; ++color) {
    for (const int pixel : {12, 13, 17, 18}) {
      EXPECT_NEAR(patches[at++], expected(pixel, color), 1e-5);
    }
  }
  write_patches(config, {}, patches);
  EXPECT_TRUE(std::ranges::all_of(patches, [](float v) { return v == 0; }));
}

TEST(ClipVision, RefusesOtherConfigs) {
  const auto refused = [](base::ErrorCode code, const char* config) {
    return message_of(code, [&] { clip_vision_config(parse(config)); });
  };
  constexpr auto unsupported = base::ErrorCode::unsupported,
                 corrupt = base::ErrorCode::corrupt_file;
  EXPECT_THAT(refused(unsupported, R"({"model_type": "siglip_vision_model"})"),
              HasSubstr("siglip"));
  EXPECT_THAT(refused(unsupported, R"({"hidden_act": "relu"})"), HasSubstr("hidden_act"));
  EXPECT_THAT(refused(unsupported, R"({"num_channels": 4})"), HasSubstr("num_channels"));
  EXPECT_THAT(refused(corrupt, R"({"hidden_size": 65, "num_attention_heads": 2})"),
              HasSubstr("65"));
  EXPECT_THAT(refused(corrupt, R"({"patch_size": 0})"), HasSubstr("patch_size"));
  EXPECT_THAT(refused(unsupported, R"({"image_size": 4096, "patch_size": 1})"),
              HasSubstr("at most 4096"));
}

TEST(ClipVision, TheConfigMayBeAPartOfAWholeClips) {
  const ClipVisionConfig config = clip_vision_config(parse(
      R"({"model_type": "clip", "vision_config": {"hidden_size": 96}, "projection_dim": 7})"));
  EXPECT_EQ(config.layer.width, 96);
  EXPECT_EQ(config.projection, 7);
}

}  // namespace
}  // namespace streamdiffusion::models
