// Parameters, tensors and operations of the published networks (docs/algorithm.md, section 13).
#include "models/census.h"

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

Census unet_census(std::string_view preset, std::int64_t latent) {
  const UNetConfig config = unet_config(parse(find_preset(preset).unet));
  return census(build_unet(config, {.h = latent, .w = latent, .kv_rows = {0}}));
}

Census text_census(std::string_view preset) {
  return census(build_clip_text(clip_text_config(parse(find_preset(preset).text_encoder)), {}));
}

/// 10^9 products that the three upsampling convolutions of a UNet at 64 x 64 do without: five
/// ninths of their 3.8 + 15.1 + 15.1 (graph/upsample2x.h).
constexpr double kDoubled = 18.9;

void expect_gmac(const Census& found, double expected) {
  EXPECT_NEAR(found.flops / 2e9, expected, 0.02 * expected);
}

TEST(Census, UNetOfStableDiffusion15) {
  const Census found = unet_census("sd15", 64);
  EXPECT_EQ(found.parameters, 859'520'964);
  EXPECT_EQ(found.tensors, 686);
  expect_gmac(found, 401.6 - kDoubled);
  expect_gmac(unet_census("sd15", 32), 90.1 - kDoubled / 4);
}

TEST(Census, UNetOfStableDiffusion21) {
  const Census found = unet_census("sd-turbo", 64);
  EXPECT_EQ(found.parameters, 865'910'724);
  EXPECT_EQ(found.tensors, 686);
  expect_gmac(found, 402.1 - kDoubled);
}

TEST(Census, Taesd) {
  const AutoencoderConfig config = autoencoder_config(parse(find_preset("sd15").autoencoder));
  const Census encoder = census(build_encoder(config, {}));
  const Census decoder = census(build_decoder(config, {}));
  EXPECT_EQ(encoder.parameters, 1'222'532);
  EXPECT_EQ(decoder.parameters, 1'222'531);
  EXPECT_EQ(encoder.tensors, 67);
  EXPECT_EQ(decoder.tensors, 67);
  expect_gmac(encoder, 61.2);
  expect_gmac(decoder, 70.7 - 7.1);  // upsample2x convolutions, as above
}

TEST(Census, AutoencoderKl) {
  const AutoencoderConfig config = autoencoder_config(parse(kStableDiffusionVae));
  const Census encoder = census(build_encoder(config, {}));
  const Census decoder = census(build_decoder(config, {}));
  EXPECT_EQ(encoder.parameters + decoder.parameters, 83'653'863);
  EXPECT_EQ(encoder.tensors + decoder.tensors, 248);
  expect_gmac(encoder, 558);
  expect_gmac(decoder, 1257 - 191);  // upsample2x convolutions
}

TEST(Census, TextEncoders) {
  EXPECT_EQ(text_census("sd15").parameters, 123'060'480);
  EXPECT_EQ(text_census("sd-turbo").parameters, 340'387'840);
}

TEST(Census, TensorsOfAnAutoencoderAreThoseOfBothItsGraphs) {
  const AutoencoderConfig config = autoencoder_config(parse(find_preset("sd15").autoencoder));
  const graph::Graph graphs[] = {build_encoder(config, {}), build_decoder(config, {})};
  const auto tensors = tensors_of(graphs);
  ASSERT_EQ(tensors.size(), 134U);
  EXPECT_EQ(tensors.front().name, "encoder.layers.0.weight");
  EXPECT_EQ(tensors.back().name, "decoder.layers.18.bias");
}

}  // namespace
}  // namespace streamdiffusion::models
