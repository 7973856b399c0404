// Noise of one seed and blends of several.
#include "stream/step_noise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace streamdiffusion::stream {
namespace {

using ::testing::ElementsAreArray;

constexpr LatentShape kNoiseShape{32, 32, 4};
constexpr int kSteps = 2;

std::vector<float> step_of(const StepNoise& noise, int step) {
  return {noise.step(step), noise.step(step) + kNoiseShape.size()};
}

std::vector<float> step_of(const SeedBlend& blend, int step) {
  return step_of(StepNoise(kSteps, kNoiseShape, blend), step);
}

double mean_square(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return sum / static_cast<double>(values.size());
}

double correlation(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum / static_cast<double>(a.size()) / std::sqrt(mean_square(a) * mean_square(b));
}

TEST(StepNoise, OfOneSeedIsItsTable) {
  const std::vector<float> table = noise_table(5, kSteps, kNoiseShape);
  for (int step = 0; step < kSteps; ++step) {
    const auto from = table.begin() + static_cast<std::ptrdiff_t>(step * kNoiseShape.size());
    for (const float weight : {1.0F, 0.3F}) {
      EXPECT_THAT(step_of({{{5, weight}}}, step),
                  ElementsAreArray(from, from + static_cast<std::ptrdiff_t>(kNoiseShape.size())));
    }
  }
}

TEST(StepNoise, ABlendKeepsTheVariance) {
  for (const Interpolation how : {Interpolation::linear, Interpolation::slerp}) {
    const SeedBlend blend{{{1, 0.5F}, {2, 0.3F}, {3, 0.2F}}, how};
    for (int step = 0; step < kSteps; ++step)
      EXPECT_NEAR(mean_square(step_of(blend, step)), 1, 0.06);
  }
}

TEST(StepNoise, GoesEvenlyFromOneSeedToAnother) {
  const std::vector<float> a = step_of({{{1, 1}}}, 1), b = step_of({{{2, 1}}}, 1);
  double before = 2;
  for (const float t : {0.0F, 0.25F, 0.5F, 0.75F, 1.0F}) {
    const auto blend = step_of({{{1, 1 - t}, {2, t}}}, 1);
    const double like_a = correlation(blend, a);
    EXPECT_LT(like_a, before);
    EXPECT_NEAR(like_a * like_a + std::pow(correlation(blend, b), 2), 1, 0.05);
    before = like_a;
  }
  EXPECT_THAT(step_of({{{1, 0}, {2, 1}}}, 1), ElementsAreArray(b));
}

TEST(StepNoise, AChangeOfWeightsIsAFreshBlend) {
  StepNoise noise(kSteps, kNoiseShape, {{{1, 1}, {2, 1}}});
  noise.set({{{2, 1}, {3, 2}}});
  EXPECT_EQ(step_of(noise, 1), step_of({{{2, 1}, {3, 2}}}, 1));
}

TEST(FrameNoise, GoesOnFromFrameToFrame) {
  FrameNoise noise(kNoiseShape, {{{1, 1}}});
  std::vector<float> first(kNoiseShape.size()), second(first), again(first);
  noise.draw(first);
  noise.set({{{1, 1}, {2, 0}}});
  noise.draw(second);
  EXPECT_LT(std::abs(correlation(first, second)), 0.1);
  FrameNoise fresh(kNoiseShape, {{{1, 1}}});
  fresh.draw(again);
  EXPECT_EQ(again, first);
  fresh.draw(again);
  EXPECT_EQ(again, second);
}

}  // namespace
}  // namespace streamdiffusion::stream
