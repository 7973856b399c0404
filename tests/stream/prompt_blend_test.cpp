// Linear and spherical blends of embeddings.
#include "stream/prompt_blend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace streamdiffusion::stream {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

const std::vector<float> kX{1, 0, 0}, kY{0, 1, 0};

TEST(PromptBlend, OfOnePromptIsThatPrompt) {
  const WeightedEmbedding one[]{{kX, 3.0F}};
  EXPECT_EQ(blend(one, PromptInterpolation::slerp), kX);
}

TEST(PromptBlend, LinearIsTheWeightedMean) {
  const WeightedEmbedding two[]{{kX, 1.0F}, {kY, 3.0F}};
  EXPECT_THAT(blend(two, PromptInterpolation::linear),
              Pointwise(FloatNear(1e-6F), {0.25F, 0.75F, 0.0F}));
}

TEST(PromptBlend, SlerpKeepsTheLength) {
  const WeightedEmbedding two[]{{kX, 1.0F}, {kY, 1.0F}};
  const float half = std::sqrt(0.5F);
  EXPECT_THAT(blend(two, PromptInterpolation::slerp),
              Pointwise(FloatNear(1e-6F), {half, half, 0.0F}));
}

TEST(PromptBlend, SlerpOfEqualPromptsIsThatPrompt) {
  const WeightedEmbedding two[]{{kX, 1.0F}, {kX, 2.0F}};
  EXPECT_THAT(blend(two, PromptInterpolation::slerp), Pointwise(FloatNear(1e-6F), kX));
}

TEST(PromptBlend, RefusesWhatHasNoMeaning) {
  EXPECT_THROW(blend({}, PromptInterpolation::linear), base::Error);
  const WeightedEmbedding negative[]{{kX, -1.0F}}, nothing[]{{kX, 0.0F}, {kY, 0.0F}};
  EXPECT_THROW(blend(negative, PromptInterpolation::linear), base::Error);
  EXPECT_THROW(blend(nothing, PromptInterpolation::linear), base::Error);
}

}  // namespace
}  // namespace streamdiffusion::stream
