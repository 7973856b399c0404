// Parameters, tensors and operations of the published networks (docs/algorithm.md, section 13).
#include "models/count_parameters.h"

#include <gtest/gtest.h>

#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/unet.h"
#include "support.h"

namespace streamdiffusion::models {
namespace {

constexpr std::string_view kStableDiffusionVae = R"({
  "_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": [128, 256, 512, 512],
  "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
  "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
  "in_channels": 3, "out_channels": 3, "latent_channels": 4, "layers_per_block": 2, "norm_num_groups": 32,
  "sample_size": 512})";

ParameterCount count_unet(std::string_view preset, std::int64_t latent) {
  const UNetConfig config = unet_config(parse(find_preset(preset).unet));
  return count_parameters(build_unet(config, {.h = latent, .w = latent, .kv_rows = {0}}));
}

ParameterCount count_text_encoder(std::string_view preset) {
  return count_parameters(
      build_clip_text(clip_text_config(parse(find_preset(preset).text_encoder)), {}));
}

/// 10^9 products that the three upsampling convolutions of a UNet at 64 x 64 do without: five
/// ninths of their 3.8 + 15.1 + 15.1 (graph/upsample2x.h).
constexpr double kDoubled = 18.9;

/// The same of SDXL's two: 5/9 of 15.1 (640 channels to 64 x 64) and of 15.1 (1280 to 32 x 32).
constexpr double kDoubledXl = 16.8;

void expect_gmac(const ParameterCount& found, double expected) {
  EXPECT_NEAR(found.flops / 2e9, expected, 0.02 * expected);
}

TEST(CountParameters, UNetOfStableDiffusion15) {
  const ParameterCount found = count_unet("sd15", 64);
  EXPECT_EQ(found.parameters, 859'520'964);
  EXPECT_EQ(found.tensors, 686);
  expect_gmac(found, 401.6 - kDoubled);
  expect_gmac(count_unet("sd15", 32), 90.1 - kDoubled / 4);
}

TEST(CountParameters, UNetOfStableDiffusion21) {
  const ParameterCount found = count_unet("sd-turbo", 64);
  EXPECT_EQ(found.parameters, 865'910'724);
  EXPECT_EQ(found.tensors, 686);
  expect_gmac(found, 402.1 - kDoubled);
}

struct PublishedModel {
  const char* preset;
  std::int64_t parameters, tensors;
  double gmac;
};

TEST(CountParameters, UNetsOfSdxl) {
  const PublishedModel models[] = {
      {"sdxl-turbo", 2'567'463'684, 1680, 794.4}, {"lcm-sdxl", 2'567'545'604, 1681, 794.4},
      {"ssd-1b", 1'331'334'404, 944, 489.8},      {"segmind-vega", 745'225'604, 564, 331.4},
      {"koala-1b", 1'161'184'324, 790, 400.9},    {"koala-700m", 782'822'724, 584, 311.4},
  };
  for (const PublishedModel& model : models) {
    SCOPED_TRACE(model.preset);
    const std::string& config = find_preset(model.preset).unet;
    const ParameterCount found = count_parameters(
        build_unet(unet_config(parse(config)), {.h = 64, .w = 64, .kv_rows = {0}}));
    EXPECT_EQ(found.parameters, model.parameters);
    EXPECT_EQ(found.tensors, model.tensors);
    expect_gmac(found, model.gmac - kDoubledXl);
  }
}

constexpr std::string_view kSdxs = R"({"block_out_channels": [320, 640, 1280],
  "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
  "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  "mid_block_type": null, "layers_per_block": 1, "attention_head_dim": [5, 10, 20],
  "cross_attention_dim": 1024, "use_linear_projection": true,
  "only_cross_attention": [true, false, false]})";

TEST(CountParameters, UNetOfSdxs09) {
  const ParameterCount found =
      count_parameters(build_unet(unet_config(parse(kSdxs)), {.h = 64, .w = 64, .kv_rows = {0}}));
  EXPECT_EQ(found.parameters, 328'177'284);
  EXPECT_EQ(found.tensors, 358);
  expect_gmac(found, 209.0 - kDoubledXl);
}

TEST(CountParameters, UNetOfLcmDreamshaper) {
  const std::string config = with(find_preset("sd15").unet, "\"time_cond_proj_dim\": 256");
  const ParameterCount found =
      count_parameters(build_unet(unet_config(parse(config)), {.h = 64, .w = 64, .kv_rows = {0}}));
  EXPECT_EQ(found.parameters, 859'602'884);
  EXPECT_EQ(found.tensors, 687);
}

TEST(CountParameters, TextEncodersOfSdxl) {
  const Preset& preset = find_preset("sdxl-turbo");
  const ParameterCount second =
      count_parameters(build_clip_text(clip_text_config(parse(preset.text_encoder_2)),
                                       {.output = ClipTextOutput::penultimate_and_projected}));
  EXPECT_EQ(second.parameters, 694'659'840);
  const ParameterCount first = count_parameters(build_clip_text(
      clip_text_config(parse(preset.text_encoder)), {.output = ClipTextOutput::penultimate}));
  EXPECT_EQ(first.parameters, 123'060'480) << "the last layer's too: it is in the file";
}

TEST(CountParameters, Taesd) {
  const AutoencoderConfig config = autoencoder_config(parse(find_preset("sd15").autoencoder));
  const ParameterCount encoder = count_parameters(build_encoder(config, {}));
  const ParameterCount decoder = count_parameters(build_decoder(config, {}));
  EXPECT_EQ(encoder.parameters, 1'222'532);
  EXPECT_EQ(decoder.parameters, 1'222'531);
  EXPECT_EQ(encoder.tensors, 67);
  EXPECT_EQ(decoder.tensors, 67);
  expect_gmac(encoder, 61.2);
  expect_gmac(decoder, 70.7 - 7.1);  // upsample2x convolutions, as above
}

TEST(CountParameters, AutoencoderKl) {
  const AutoencoderConfig config = autoencoder_config(parse(kStableDiffusionVae));
  const ParameterCount encoder = count_parameters(build_encoder(config, {}));
  const ParameterCount decoder = count_parameters(build_decoder(config, {}));
  EXPECT_EQ(encoder.parameters + decoder.parameters, 83'653'863);
  EXPECT_EQ(encoder.tensors + decoder.tensors, 248);
  expect_gmac(encoder, 558);
  expect_gmac(decoder, 1257 - 191);  // upsample2x convolutions
}

TEST(CountParameters, TextEncoders) {
  EXPECT_EQ(count_text_encoder("sd15").parameters, 123'060'480);
  EXPECT_EQ(count_text_encoder("sd-turbo").parameters, 340'387'840);
}

TEST(CountParameters, TensorsOfAnAutoencoderAreThoseOfBothItsGraphs) {
  const AutoencoderConfig config = autoencoder_config(parse(find_preset("sd15").autoencoder));
  const graph::Graph graphs[] = {build_encoder(config, {}), build_decoder(config, {})};
  const auto tensors = required_tensors(graphs);
  ASSERT_EQ(tensors.size(), 134U);
  EXPECT_EQ(tensors.front().name, "encoder.layers.0.weight");
  EXPECT_EQ(tensors.back().name, "decoder.layers.18.bias");
}

}  // namespace
}  // namespace streamdiffusion::models
