// Architectures with random weights.
#include "models/presets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/unet_config.h"
#include "support.h"

namespace streamdiffusion::models {
namespace {

TEST(Presets, PartsOfEachFitTogether) {
  ASSERT_FALSE(presets().empty());
  for (const Preset& preset : presets()) {
    const UNetConfig unet = unet_config(parse(preset.unet));
    std::int64_t width = clip_text_config(parse(preset.text_encoder)).layer.width;
    if (!preset.text_encoder_2.empty()) {
      const ClipTextConfig second = clip_text_config(parse(preset.text_encoder_2));
      width += second.layer.width;
      EXPECT_EQ(unet.pooled_dim, second.projection);
    }
    EXPECT_EQ(unet.cross_attention_dim, width) << preset.name;
    EXPECT_EQ(unet.in_channels, latent_channels(autoencoder_config(parse(preset.autoencoder))));
  }
}

TEST(Presets, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  EXPECT_THAT(
      message_of(base::ErrorCode::invalid_argument, [] { find_preset("sd3"); }),
      ::testing::AllOf(::testing::HasSubstr("\"sd3\""), ::testing::HasSubstr("\"sd-turbo\"")));
}

}  // namespace
}  // namespace streamdiffusion::models
