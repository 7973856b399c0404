// UNet configs: what is read and what is refused.
#include "models/unet_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/unet.h"
#include "support.h"

namespace streamdiffusion::models {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string_view kTurbo = find_preset("sd-turbo").unet;

std::string unet_refusal(ErrorCode code, const std::string& json) {
  return message_of(code, [&] { unet_config(parse(json)); });
}

TEST(UNetConfig, AnEmptyConfigHasDiffusersDefaults) {
  const UNetConfig config = unet_config(parse("{}"));
  ASSERT_EQ(config.levels.size(), 4U);
  EXPECT_EQ(config.levels[3].channels, 1280);
  EXPECT_FALSE(config.levels[3].down_attention);
  EXPECT_FALSE(config.levels[3].up_attention);
  EXPECT_TRUE(config.levels[0].up_attention);
  EXPECT_EQ(config.levels[0].heads, 8);
  EXPECT_EQ(config.cross_attention_dim, 1280);
}

TEST(UNetConfig, HeadsStandInAttentionHeadDim) {
  const UNetConfig config = unet_config(parse(kTurbo));
  EXPECT_EQ(config.levels[0].heads, 5);
  EXPECT_EQ(config.levels[3].heads, 20);
}

TEST(UNetConfig, ListsOfBlocksMayBeAsymmetric) {
  const UNetConfig config = unet_config(parse(R"({"block_out_channels": [32, 64],
      "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
      "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "layers_per_block": [1, 3],
      "transformer_layers_per_block": [2, 4], "mid_block_type": null, "time_embedding_dim": 96,
      "cross_attention_dim": [48, 48]})"));
  EXPECT_FALSE(config.levels[0].down_attention);
  EXPECT_TRUE(config.levels[0].up_attention);
  EXPECT_TRUE(config.levels[1].down_attention);
  EXPECT_FALSE(config.levels[1].up_attention);
  EXPECT_EQ(config.levels[1].layers, 3);
  EXPECT_THAT(config.levels[0].up_transformers, ::testing::ElementsAre(2, 2));
  EXPECT_THAT(config.levels[1].down_transformers, ::testing::ElementsAre(4, 4, 4));
  EXPECT_EQ(config.mid, UNetConfig::Mid::none);
  EXPECT_EQ(config.time_dim, 96);
  EXPECT_EQ(config.cross_attention_dim, 48);
}

TEST(UNetConfig, AcceptsKeysThatChangeNothing) {
  for (const char* member :
       {R"("upcast_attention": true)", R"("dropout": 0.1)", R"("_diffusers_version": "0.30.0")",
        R"("_name_or_path": "x")", R"("mid_block_only_cross_attention": null)",
        R"("only_cross_attention": [false, false, false, false])", R"("num_attention_heads": null)",
        R"("addition_embed_type_num_heads": 64)",
        R"("projection_class_embeddings_input_dim": null)", R"("encoder_hid_dim": null)",
        R"("resnet_out_scale_factor": 1.0)"}) {
    EXPECT_NO_THROW(unet_config(parse(with(kTurbo, member)))) << member;
  }
}

/// The config with a key set, whether it is there or not.
std::string turbo_with(const std::string& key, const std::string& value) {
  std::string text(kTurbo);
  const std::size_t at = text.find(key + ": ");
  if (at == std::string::npos) return with(text, key + ": " + value);
  const std::size_t first = at + key.size() + 2;
  return text.replace(first, text.find_first_of(",\n", first) - first, value);
}

class RefusedKey : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(RefusedKey, IsNamedWithItsValue) {
  const auto& [key, value] = GetParam();
  const std::string name = '"' + std::string(key) + '"';
  const std::string message = unet_refusal(ErrorCode::unsupported, turbo_with(name, value));
  EXPECT_THAT(message, HasSubstr(name));
  if (value[0] != '[') {
    EXPECT_THAT(message, HasSubstr(value));
  }
}

INSTANTIATE_TEST_SUITE_P(
    UNetConfig, RefusedKey,
    ::testing::Values(
        std::pair{"resnet_time_scale_shift", "\"scale_shift\""},
        std::pair{"class_embed_type", "\"timestep\""}, std::pair{"num_class_embeds", "10"},
        std::pair{"addition_embed_type", "\"text_image\""}, std::pair{"encoder_hid_dim", "1024"},
        std::pair{"encoder_hid_dim_type", "\"text_proj\""},
        std::pair{"dual_cross_attention", "true"},
        std::pair{"mid_block_only_cross_attention", "true"}, std::pair{"conv_in_kernel", "1"},
        std::pair{"conv_out_kernel", "5"}, std::pair{"attention_type", "\"gated\""},
        std::pair{"resnet_out_scale_factor", "0.7"}, std::pair{"resnet_skip_time_act", "true"},
        std::pair{"class_embeddings_concat", "true"},
        std::pair{"cross_attention_norm", "\"layer_norm\""},
        std::pair{"time_embedding_type", "\"fourier\""},
        std::pair{"time_embedding_act_fn", "\"silu\""}, std::pair{"timestep_post_act", "\"silu\""},
        std::pair{"mid_block_scale_factor", "1.5"}, std::pair{"center_input_sample", "true"},
        std::pair{"act_fn", "\"mish\""}, std::pair{"num_attention_heads", "8"},
        std::pair{"mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\""},
        std::pair{"_class_name", "\"UNet3DConditionModel\""}, std::pair{"a_key_of_tomorrow", "3"}));

constexpr std::string_view kSsd1b = R"({"block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "transformer_layers_per_block": [[1], [2, 2], [4, 4]],
    "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1]})";

TEST(UNetConfig, DepthsMayBeListedByTransformer) {
  const UNetConfig config = unet_config(parse(kSsd1b));
  EXPECT_TRUE(config.levels[0].down_transformers.empty()) << "it has no attention";
  EXPECT_TRUE(config.levels[0].up_transformers.empty());
  EXPECT_THAT(config.levels[1].down_transformers, ElementsAre(2, 2));
  EXPECT_THAT(config.levels[1].up_transformers, ElementsAre(2, 1, 1));
  EXPECT_THAT(config.levels[2].up_transformers, ElementsAre(4, 4, 10));
  EXPECT_EQ(config.mid_transformer, 4);
}

TEST(UNetConfig, RefusesListsOfDepthsThatDoNotFit) {
  const auto refused = [](std::string_view from, std::string_view to) {
    return unet_refusal(ErrorCode::corrupt_file, replaced(kSsd1b, from, to));
  };
  EXPECT_THAT(refused("[2, 2]", "[2, 2, 2]"), HasSubstr("array of 2 integers"));
  EXPECT_THAT(refused("[4, 4, 10]", "[4, 4]"), HasSubstr("array of 3 integers"));
  EXPECT_THAT(refused("[4, 4]", "[4, -1]"), HasSubstr("-1"));
  EXPECT_THAT(refused("[4, 4]", "\"four\""), HasSubstr("four"));
  EXPECT_THAT(refused("[[1], [2, 2], [4, 4]]", "[[2, 2], [4, 4]]"),
              HasSubstr("array of 3 entries"));
  EXPECT_THAT(refused("[[4, 4, 10], [2, 1, 1], 1]", "null"),
              HasSubstr("reverse_transformer_layers_per_block"));
}

TEST(UNetConfig, ReadsTheAddedConditioning) {
  const UNetConfig config = unet_config(parse(find_preset("sdxl-turbo").unet));
  EXPECT_EQ(config.pooled_dim, 1280);
  EXPECT_EQ(config.size_embedding_dim, 256);
  EXPECT_EQ(config.mid_transformer, 10);
  EXPECT_EQ(unet_config(parse(kTurbo)).pooled_dim, 0);
  const auto refused = [](std::string_view from, std::string_view to) {
    return unet_refusal(ErrorCode::corrupt_file,
                        replaced(find_preset("sdxl-turbo").unet, from, to));
  };
  EXPECT_THAT(refused("2816", "1536"), HasSubstr("1536"));
  EXPECT_THAT(refused("\"addition_time_embed_dim\": 256", "\"addition_time_embed_dim\": 255"),
              HasSubstr("255"));
  EXPECT_THAT(refused("\"addition_time_embed_dim\": 256,", ""),
              HasSubstr("addition_time_embed_dim\" is missing"));
}

TEST(UNetConfig, ReadsTheGuidanceEmbedding) {
  EXPECT_EQ(unet_config(parse(turbo_with("\"time_cond_proj_dim\"", "256"))).guidance_dim, 256);
  EXPECT_EQ(unet_config(parse(kTurbo)).guidance_dim, 0);
  for (const char* wrong : {"255", "2", "0", "\"256\""}) {
    EXPECT_THAT(unet_refusal(ErrorCode::corrupt_file, turbo_with("\"time_cond_proj_dim\"", wrong)),
                HasSubstr("time_cond_proj_dim"));
  }
}

TEST(UNetConfig, OnlyCrossAttentionIsForAllLevelsOrByLevel) {
  const auto levels = [](const std::string& value) {
    std::vector<bool> found;
    const std::string json = turbo_with("\"only_cross_attention\"", value);
    for (const auto& level : unet_config(parse(json)).levels)
      found.push_back(level.only_cross_attention);
    return found;
  };
  EXPECT_THAT(levels("true"), ElementsAre(true, true, true, true));
  EXPECT_THAT(levels("[true, false, false, true]"), ElementsAre(true, false, false, true));
  EXPECT_THAT(unet_refusal(ErrorCode::corrupt_file,
                           turbo_with("\"only_cross_attention\"", "[true, false]")),
              HasSubstr("only_cross_attention"));
}

TEST(UNetConfig, RefusesOtherBlocksByName) {
  EXPECT_THAT(unet_refusal(ErrorCode::unsupported,
                           replaced(kTurbo, "\"DownBlock2D\"", "\"AttnDownBlock2D\"")),
              HasSubstr("\"AttnDownBlock2D\" is not implemented"));
  EXPECT_THAT(unet_refusal(ErrorCode::unsupported,
                           replaced(kTurbo, "\"UpBlock2D\"", "\"SimpleCrossAttnUpBlock2D\"")),
              HasSubstr("SimpleCrossAttnUpBlock2D"));
}

TEST(UNetConfig, RefusesDifferentContextsALevel) {
  EXPECT_THAT(unet_refusal(ErrorCode::unsupported,
                           replaced(kTurbo, "\"cross_attention_dim\": 1024",
                                    "\"cross_attention_dim\": [1024, 1024, 768, 1024]")),
              HasSubstr("cross_attention_dim"));
}

TEST(UNetConfig, RefusesNonsense) {
  const auto nonsense = [](std::string_view from, std::string_view to) {
    return unet_refusal(ErrorCode::corrupt_file, replaced(kTurbo, from, to));
  };
  EXPECT_THAT(nonsense("[320, 640, 1280, 1280]", "[]"), HasSubstr("block_out_channels"));
  EXPECT_THAT(nonsense("[320, 640, 1280, 1280]", "[320, 640, 1280, -4]"), HasSubstr("-4"));
  EXPECT_THAT(nonsense("[320, 640, 1280, 1280]", "[330, 640, 1280, 1280]"), HasSubstr("330"));
  EXPECT_THAT(nonsense("[5, 10, 20, 20]", "[5, 10, 20]"), HasSubstr("attention_head_dim"));
  EXPECT_THAT(nonsense("\"layers_per_block\": 2", "\"layers_per_block\": 100000"),
              HasSubstr("layers_per_block"));
  EXPECT_THAT(nonsense("\"norm_num_groups\": 32", "\"norm_num_groups\": null"),
              HasSubstr("norm_num_groups"));
  EXPECT_THAT(nonsense("\"norm_num_groups\": 32", "\"norm_num_groups\": 0"),
              HasSubstr("norm_num_groups"));
  EXPECT_THAT(nonsense("\"in_channels\": 4", "\"in_channels\": \"four\""), HasSubstr("four"));
  EXPECT_THAT(nonsense("\"norm_eps\": 1e-05", "\"norm_eps\": -1"), HasSubstr("norm_eps"));
  EXPECT_THAT(nonsense("\"freq_shift\": 0", "\"freq_shift\": 160"), HasSubstr("freq_shift"));
  EXPECT_THAT(unet_refusal(ErrorCode::corrupt_file, "[]"), HasSubstr("object"));
}

TEST(UNetConfig, HeadsMustDivideTheChannelsTheyReadOnly) {
  EXPECT_THAT(
      unet_refusal(ErrorCode::unsupported, replaced(kTurbo, "[5, 10, 20, 20]", "[7, 10, 20, 20]")),
      HasSubstr("7 heads"));
  const std::string_view no_attention = R"({"block_out_channels": [32],
      "down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"], "mid_block_type": null,
      "attention_head_dim": 7})";
  EXPECT_NO_THROW(unet_config(parse(no_attention)));
}

}  // namespace
}  // namespace streamdiffusion::models
