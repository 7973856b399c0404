// AutoencoderKL and AutoencoderTiny: their graphs and what their configs may say.
#include "models/autoencoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace streamdiffusion::models {
namespace {

using base::ErrorCode;
using tensor::Desc;
using tensor::DType;
using ::testing::HasSubstr;

// pictogram's: five stages, so a factor of 16; no block at full size.
constexpr std::string_view kTinyAutoencoder =
    R"({"_class_name": "AutoencoderTiny", "latent_channels": 16,
  "encoder_block_out_channels": [32, 32, 32, 32, 32], "decoder_block_out_channels": [32, 32, 32, 32, 32],
  "num_encoder_blocks": [0, 1, 2, 3, 3], "num_decoder_blocks": [4, 3, 3, 2, 0]})";

constexpr std::string_view kKl = R"({"_class_name": "AutoencoderKL", "block_out_channels": [16, 32],
  "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
  "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"], "norm_num_groups": 8})";

std::string autoencoder_refusal(ErrorCode code, const std::string& json) {
  return message_of(code, [&] { autoencoder_config(parse(json)); });
}

class EitherAutoencoder : public ::testing::TestWithParam<std::string_view> {};

TEST_P(EitherAutoencoder, TurnsPixelsIntoLatentsAndBack) {
  const AutoencoderConfig config = autoencoder_config(parse(GetParam()));
  const std::int64_t f = vae_scale_factor(config), c = latent_channels(config);
  const ImageShape shape{.frames = 2, .height = 3 * f, .width = 5 * f, .image = true};
  const Desc pixels{{2, 3 * f, 5 * f, 3}, DType::u8}, latents{{2, 3, 5, c}, DType::f32};

  const graph::Graph encoder = build_encoder(config, shape);
  EXPECT_EQ(encoder.inputs.at(0).name, "pixels");
  EXPECT_EQ(encoder.desc(encoder.inputs[0].value), pixels);
  EXPECT_EQ(encoder.outputs.at(0).name, "latents");
  EXPECT_EQ(encoder.desc(encoder.outputs[0].value), latents);

  const graph::Graph decoder = build_decoder(config, shape);
  EXPECT_EQ(decoder.inputs.at(0).name, "latents");
  EXPECT_EQ(decoder.desc(decoder.inputs[0].value), latents);
  EXPECT_EQ(decoder.outputs.at(0).name, "pixels");
  EXPECT_EQ(decoder.desc(decoder.outputs[0].value), pixels);
  EXPECT_EQ(decoder.outputs.at(1).name, "image");
  EXPECT_EQ(decoder.desc(decoder.outputs[1].value), (Desc{pixels.shape, DType::f32}));
}

TEST_P(EitherAutoencoder, GivesTheImageBeforeRoundingOnRequestOnly) {
  const AutoencoderConfig config = autoencoder_config(parse(GetParam()));
  EXPECT_EQ(build_decoder(config, {.height = 64, .width = 64}).outputs.size(), 1U);
}

TEST_P(EitherAutoencoder, RefusesImagesItsFactorDoesNotDivide) {
  const AutoencoderConfig config = autoencoder_config(parse(GetParam()));
  const auto refused = [&](ImageShape shape) {
    return message_of(ErrorCode::invalid_argument, [&] { build_encoder(config, shape); });
  };
  EXPECT_THAT(refused({.height = 63, .width = 64}), HasSubstr("height is 63"));
  EXPECT_THAT(refused({.height = 64, .width = 0}), HasSubstr("width is 0"));
  EXPECT_THAT(refused({.frames = 0, .height = 64, .width = 64}), HasSubstr("frames is 0"));
}

TEST_P(EitherAutoencoder, RefusesKeysItDoesNotKnow) {
  const std::string_view json = GetParam();
  EXPECT_THAT(autoencoder_refusal(ErrorCode::unsupported, with(json, R"("a_key_of_tomorrow": 3)")),
              HasSubstr("\"a_key_of_tomorrow\" is 3"));
  EXPECT_THAT(autoencoder_refusal(ErrorCode::unsupported, with(json, R"("in_channels": 4)")),
              HasSubstr("in_channels"));
  EXPECT_THAT(autoencoder_refusal(ErrorCode::unsupported, with(json, R"("act_fn": "mish")")),
              HasSubstr("mish"));
  EXPECT_THAT(autoencoder_refusal(ErrorCode::corrupt_file, with(json, R"("scaling_factor": 0)")),
              HasSubstr("scaling_factor"));
}

INSTANTIATE_TEST_SUITE_P(Autoencoder, EitherAutoencoder, ::testing::Values(kTinyAutoencoder, kKl));

TEST(Autoencoder, IsChosenByClassName) {
  EXPECT_EQ(vae_scale_factor(autoencoder_config(parse(kTinyAutoencoder))), 16);
  EXPECT_EQ(latent_channels(autoencoder_config(parse(kTinyAutoencoder))), 16);
  EXPECT_EQ(vae_scale_factor(autoencoder_config(parse(kKl))), 2);
  EXPECT_THAT(autoencoder_refusal(ErrorCode::unsupported, R"({"_class_name": "AutoencoderDC"})"),
              HasSubstr("AutoencoderDC"));
  EXPECT_THAT(autoencoder_refusal(ErrorCode::corrupt_file, "{}"), HasSubstr("_class_name"));
}

TEST(Autoencoder, RunsInBf16WhereF16DoesNotHoldItsActivations) {
  const auto type = [](const std::string& json, DType wanted) {
    return activations_of(autoencoder_config(parse(json)), wanted);
  };
  const std::string kl(kKl), tiny(kTinyAutoencoder), fits = R"("force_upcast": false)",
                                                     does_not = R"("force_upcast": true)";
  EXPECT_EQ(type(kl, DType::f16), DType::bf16) << "as diffusers, unless the config says otherwise";
  EXPECT_EQ(type(with(kl, does_not), DType::f16), DType::bf16);
  EXPECT_EQ(type(with(kl, fits), DType::f16), DType::f16);
  EXPECT_EQ(type(with(kl, does_not), DType::f32), DType::f32);
  EXPECT_EQ(type(with(kl, does_not), DType::bf16), DType::bf16);
  EXPECT_EQ(type(with(tiny, does_not), DType::f16), DType::f16) << "diffusers takes it for false";
}

TEST(AutoencoderTiny, RefusesStagesOfDifferentWidths) {
  EXPECT_THAT(
      autoencoder_refusal(ErrorCode::unsupported, replaced(kTinyAutoencoder, "[32, 32, 32, 32, 32]",
                                                           "[32, 32, 64, 32, 32]")),
      ::testing::AllOf(HasSubstr("encoder_block_out_channels"), HasSubstr("64")));
}

TEST(AutoencoderTiny, RefusesOtherWaysUp) {
  EXPECT_THAT(autoencoder_refusal(ErrorCode::unsupported,
                                  with(kTinyAutoencoder, R"("upsampling_scaling_factor": 4)")),
              HasSubstr("upsampling_scaling_factor"));
  EXPECT_THAT(autoencoder_refusal(ErrorCode::unsupported,
                                  with(kTinyAutoencoder, R"("upsample_fn": "bilinear")")),
              HasSubstr("bilinear"));
  EXPECT_THAT(
      autoencoder_refusal(ErrorCode::unsupported,
                          replaced(kTinyAutoencoder, "\"num_decoder_blocks\": [4, 3, 3, 2, 0]",
                                   "\"num_decoder_blocks\": [4, 3, 3, 2]")),
      HasSubstr("num_decoder_blocks"));
}

TEST(AutoencoderTiny, LayersWithoutWeightsHaveNumbersToo) {
  const AutoencoderConfig config = autoencoder_config(parse(kTinyAutoencoder));
  const graph::Graph decoder = build_decoder(config, {.height = 16, .width = 16});
  EXPECT_NE(find_weight(decoder, "decoder.layers.2.conv.0.weight"), nullptr);  // after conv, act
  EXPECT_NE(find_weight(decoder, "decoder.layers.7.weight"), nullptr);  // 4 blocks, upsampling
  EXPECT_EQ(find_weight(decoder, "decoder.layers.7.bias"), nullptr);
}

TEST(AutoencoderKl, MayLackItsQuantConvolutions) {
  const std::string without =
      with(with(with(kKl, R"("use_quant_conv": false)"), R"("use_post_quant_conv": false)"),
           R"("mid_block_add_attention": false)");
  const AutoencoderConfig config = autoencoder_config(parse(without));
  for (const graph::Graph& graph : {build_encoder(config, {.height = 8, .width = 8}),
                                    build_decoder(config, {.height = 8, .width = 8})}) {
    for (const graph::Weight& weight : graph.weights) {
      EXPECT_THAT(weight.name, ::testing::Not(HasSubstr("quant_conv")));
      EXPECT_THAT(weight.name, ::testing::Not(HasSubstr("attentions")));
    }
  }
}

TEST(AutoencoderKl, NormsHaveAnEpsOfOneMillionth) {
  const graph::Graph graph =
      build_encoder(autoencoder_config(parse(kKl)), {.height = 8, .width = 8});
  for (const graph::Op& op : graph.ops) {
    if (const auto* norm = std::get_if<graph::GroupNorm>(&op.attributes)) {
      EXPECT_FLOAT_EQ(norm->eps, 1e-6F) << op.name;
    }
  }
}

TEST(AutoencoderKl, RefusesLatentStatisticsByName) {
  EXPECT_THAT(
      autoencoder_refusal(ErrorCode::unsupported, with(kKl, R"("latents_mean": [1, 2, 3, 4])")),
      HasSubstr("latents_mean"));
}

}  // namespace
}  // namespace streamdiffusion::models
