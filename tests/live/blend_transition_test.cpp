// Blends between prompts over time.
#include "live/blend_transition.h"

#include <gtest/gtest.h>

#include <map>

namespace streamdiffusion::live {
namespace {

using std::chrono::seconds;

std::map<std::string, float> blend(const BlendTransition<WeightedPrompt>& transition,
                                   LiveClock::time_point at) {
  std::map<std::string, float> result;
  for (const WeightedPrompt& prompt : transition.at(at)) result[prompt.text] = prompt.weight;
  return result;
}

TEST(BlendTransition, GoesEvenlyFromOneMixtureToAnother) {
  BlendTransition<WeightedPrompt> transition({{"a", 2.0F}, {"b", 2.0F}});
  const LiveClock::time_point start{};
  transition.start({{"c", 1.0F}}, 4, start);
  EXPECT_EQ(blend(transition, start), (std::map<std::string, float>{{"a", 0.5F}, {"b", 0.5F}}));
  EXPECT_EQ(blend(transition, start + seconds(2)),
            (std::map<std::string, float>{{"a", 0.25F}, {"b", 0.25F}, {"c", 0.5F}}));
  EXPECT_EQ(blend(transition, start + seconds(9)), (std::map<std::string, float>{{"c", 1.0F}}));
  EXPECT_TRUE(transition.running(start + seconds(3)));
  EXPECT_FALSE(transition.running(start + seconds(4)));
}

TEST(BlendTransition, ANewTargetIsSetOffForFromWhereItIs) {
  BlendTransition<WeightedPrompt> transition({{"a", 1.0F}});
  const LiveClock::time_point start{};
  transition.start({{"b", 1.0F}}, 4, start);
  transition.start({{"a", 1.0F}}, 4, start + seconds(2));
  EXPECT_EQ(blend(transition, start + seconds(4)),
            (std::map<std::string, float>{{"a", 0.75F}, {"b", 0.25F}}));
}

TEST(BlendTransition, WithoutTimeItIsThereAtOnce) {
  BlendTransition<WeightedPrompt> transition({{"a", 1.0F}});
  transition.start({{"b", 3.0F}}, 0, LiveClock::now());
  EXPECT_EQ(blend(transition, LiveClock::now()), (std::map<std::string, float>{{"b", 1.0F}}));
}

TEST(BlendTransition, OfSeedsEndsWithTheNewSeedAlone) {
  BlendTransition<WeightedSeed> transition({{7, 1}});
  const LiveClock::time_point start;
  transition.start({{9, 1}}, 2, start);
  EXPECT_EQ(transition.at(start + std::chrono::seconds(1)),
            (std::vector<WeightedSeed>{{7, 0.5F}, {9, 0.5F}}));
  EXPECT_EQ(transition.at(start + std::chrono::seconds(2)), (std::vector<WeightedSeed>{{9, 1}}));
}

}  // namespace
}  // namespace streamdiffusion::live
