// Prompts at set times, alone and in a stream.
#include "live/prompt_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "live/support.h"

namespace streamdiffusion::live {
namespace {

using streamdiffusion::testing::engine;
using streamdiffusion::testing::numbered_image;
using streamdiffusion::testing::Receiver;
using streamdiffusion::testing::small;
using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<std::pair<std::string, float>> at(PromptSchedule& schedule, double seconds) {
  std::vector<std::pair<std::string, float>> blend;
  for (const WeightedPrompt& each : *schedule.at(seconds))
    blend.emplace_back(each.text, each.weight);
  return blend;
}

TEST(PromptSchedule, ChangesAtItsTimesAndBlendsOverItsTransitions) {
  PromptSchedule schedule({{"a", 1}}, {{1, {{"b", 1}}}, {4, {{"c", 2}}, 2}});
  EXPECT_THAT(at(schedule, 0.99), ElementsAre(Pair("a", 1)));
  EXPECT_THAT(at(schedule, 1), ElementsAre(Pair("b", 1)));
  EXPECT_THAT(at(schedule, 4), ElementsAre(Pair("b", 1)));
  EXPECT_THAT(at(schedule, 4.5), ElementsAre(Pair("b", 0.75F), Pair("c", 0.25F)));
  EXPECT_THAT(at(schedule, 100), ElementsAre(Pair("c", 1)));
}

TEST(PromptSchedule, SharesTheListWhileNothingChanges) {
  PromptSchedule schedule({{"a", 1}}, {{1, {{"b", 1}}}});
  const auto before = schedule.at(0);
  EXPECT_EQ(schedule.at(0.5), before);
  const auto after = schedule.at(1);
  EXPECT_NE(after, before);
  EXPECT_EQ(schedule.at(2), after);
}

TEST(PromptSchedule, PassesEntriesThatNoFrameMet) {
  PromptSchedule schedule({{"a", 1}}, {{1, {{"b", 1}}}, {2, {{"c", 1}}, 2}});
  EXPECT_THAT(at(schedule, 3), ElementsAre(Pair("b", 0.5F), Pair("c", 0.5F)));
}

TEST(FramePrompts, HoldFromTheirFrameOn) {
  Receiver receiver;
  LiveSettings settings = small();
  settings.options.t_index_list = {32};
  settings.prompts = {{"red apple", 1}};
  const auto fish = std::make_shared<const std::vector<WeightedPrompt>>(
      std::vector<WeightedPrompt>{{"blue fish", 1}});
  {
    LiveSession live(engine(), settings, {QueuePolicy::Kind::block, 2}, receiver.callbacks());
    for (int i = 0; i < 6; ++i) {
      live.submit(
          {.image = [] { return numbered_image(1, 32, 24); }, .prompts = i < 3 ? nullptr : fish});
    }
    live.drain();
  }
  const std::vector<LiveOutput> outputs = receiver.outputs();
  ASSERT_EQ(outputs.size(), 6U);
  EXPECT_EQ(outputs[2].image->rgb, outputs[0].image->rgb);
  EXPECT_NE(outputs[3].image->rgb, outputs[2].image->rgb);
  EXPECT_EQ(outputs[5].image->rgb, outputs[3].image->rgb);
}

}  // namespace
}  // namespace streamdiffusion::live
