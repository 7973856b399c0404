#include "live/prompt_motion.h"

#include <gtest/gtest.h>

#include <map>

namespace streamdiffusion::live {
namespace {

using std::chrono::seconds;

std::map<std::string, float> mixture(const PromptMotion& motion, LiveClock::time_point at) {
  std::map<std::string, float> result;
  for (const WeightedPrompt& prompt : motion.at(at)) result[prompt.text] = prompt.weight;
  return result;
}

TEST(PromptMotion, GoesEvenlyFromOneMixtureToAnother) {
  PromptMotion motion({{"a", 2.0F}, {"b", 2.0F}});
  const LiveClock::time_point start{};
  motion.move_to({{"c", 1.0F}}, 4, start);
  EXPECT_EQ(mixture(motion, start), (std::map<std::string, float>{{"a", 0.5F}, {"b", 0.5F}}));
  EXPECT_EQ(mixture(motion, start + seconds(2)),
            (std::map<std::string, float>{{"a", 0.25F}, {"b", 0.25F}, {"c", 0.5F}}));
  EXPECT_EQ(mixture(motion, start + seconds(9)), (std::map<std::string, float>{{"c", 1.0F}}));
  EXPECT_TRUE(motion.moving(start + seconds(3)));
  EXPECT_FALSE(motion.moving(start + seconds(4)));
}

TEST(PromptMotion, ANewTargetIsSetOffForFromWhereItIs) {
  PromptMotion motion({{"a", 1.0F}});
  const LiveClock::time_point start{};
  motion.move_to({{"b", 1.0F}}, 4, start);
  motion.move_to({{"a", 1.0F}}, 4, start + seconds(2));
  EXPECT_EQ(mixture(motion, start + seconds(4)),
            (std::map<std::string, float>{{"a", 0.75F}, {"b", 0.25F}}));
}

TEST(PromptMotion, WithoutTimeItIsThereAtOnce) {
  PromptMotion motion({{"a", 1.0F}});
  motion.move_to({{"b", 3.0F}}, 0, LiveClock::now());
  EXPECT_EQ(mixture(motion, LiveClock::now()), (std::map<std::string, float>{{"b", 1.0F}}));
}

}  // namespace
}  // namespace streamdiffusion::live
