// Linear and spherical blends of embeddings.
#include "stream/blend.h"

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
  const WeightedValues one[]{{kX, 3.0F}};
  EXPECT_EQ(blend(one, Interpolation::slerp), kX);
}

TEST(PromptBlend, LinearIsTheWeightedMean) {
  const WeightedValues two[]{{kX, 1.0F}, {kY, 3.0F}};
  EXPECT_THAT(blend(two, Interpolation::linear), Pointwise(FloatNear(1e-6F), {0.25F, 0.75F, 0.0F}));
}

TEST(PromptBlend, SlerpKeepsTheLength) {
  const WeightedValues two[]{{kX, 1.0F}, {kY, 1.0F}};
  const float half = std::sqrt(0.5F);
  EXPECT_THAT(blend(two, Interpolation::slerp), Pointwise(FloatNear(1e-6F), {half, half, 0.0F}));
}

TEST(PromptBlend, SlerpOfEqualPromptsIsThatPrompt) {
  const WeightedValues two[]{{kX, 1.0F}, {kX, 2.0F}};
  EXPECT_THAT(blend(two, Interpolation::slerp), Pointwise(FloatNear(1e-6F), kX));
}

TEST(PromptBlend, RefusesWhatHasNoMeaning) {
  EXPECT_THROW(blend({}, Interpolation::linear), base::Error);
  const WeightedValues negative[]{{kX, -1.0F}}, nothing[]{{kX, 0.0F}, {kY, 0.0F}};
  EXPECT_THROW(blend(negative, Interpolation::linear), base::Error);
  EXPECT_THROW(blend(nothing, Interpolation::linear), base::Error);
}

}  // namespace
}  // namespace streamdiffusion::stream
