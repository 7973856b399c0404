// Prompts at set times, alone and in a stream.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "live/encoded_schedule.h"
#include "live/support.h"

namespace streamdiffusion::live {
namespace {

using streamdiffusion::testing::engine;
using streamdiffusion::testing::numbered_image;
using streamdiffusion::testing::Receiver;
using streamdiffusion::testing::small;
using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<std::pair<std::string, float>> at(PromptSchedule& schedule, double time) {
  std::vector<std::pair<std::string, float>> blend;
  for (const WeightedPrompt& each : *schedule.at(time)) blend.emplace_back(each.text, each.weight);
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

/// Counts how often each text was encoded: one that is too long is warned of each time.
class Encodings {
 public:
  Encodings() {
    base::set_log_callback([this](base::LogLevel, std::string_view message) {
      const std::lock_guard lock(mutex_);
      if (message.find("zebra") != std::string_view::npos) ++count_;
    });
  }
  ~Encodings() { base::set_log_callback(nullptr); }
  int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  static std::string text(int number) {
    std::string text = "text " + std::to_string(number);
    for (int i = 0; i < 100; ++i) text += " zebra";
    return text;
  }

 private:
  mutable std::mutex mutex_;
  int count_ = 0;
};

std::vector<params::ScheduledPrompts> long_schedule(int entries) {
  std::vector<params::ScheduledPrompts> schedule;
  for (int i = 0; i < entries; ++i) schedule.push_back({1.0 * i, {{Encodings::text(i), 1}}});
  return schedule;
}

TEST(EncodedSchedule, OfAnyLengthEncodesEachTextOnceAndHoldsFew) {
  constexpr int kEntries = 150;
  Receiver receiver;
  Encodings encodings;
  LiveSession live(engine(), small(), {QueuePolicy::Kind::block, 2}, receiver.callbacks());
  EncodedSchedule schedule(live, long_schedule(kEntries));
  Engine other_stream = engine();
  for (int i = 0; i < kEntries; ++i) {
    EXPECT_EQ(schedule.wait(),
              std::min<std::size_t>(EncodedSchedule::kTextsAhead, kEntries - std::max(i - 1, 0)));
    if (i == 50) {  // another stream pushes all out that nobody holds
      for (int k = 0; k < 70; ++k) other_stream.encode_prompt("short " + std::to_string(k));
    }
    live.submit({.image = [] { return numbered_image(1, 32, 24); }, .prompts = schedule.at(i)});
  }
  live.drain();
  EXPECT_TRUE(receiver.errors().empty());
  EXPECT_EQ(receiver.outputs().size(), std::size_t{kEntries});
  EXPECT_EQ(encodings.count(), kEntries);
}

TEST(EncodedSchedule, PassesEntriesThatNoFrameMet) {
  Receiver receiver;
  LiveSession live(engine(), small(), {}, receiver.callbacks());
  EncodedSchedule schedule(live, long_schedule(100));
  EXPECT_EQ(schedule.at(90)->front().text, Encodings::text(90));
  EXPECT_EQ(schedule.wait(), 10U);
  EXPECT_EQ(schedule.at(1000)->front().text, Encodings::text(99));
  EXPECT_EQ(schedule.wait(), 1U);
}

TEST(EncodedPrompts, AreKnownWhileTheyAreHeldAndForgottenAfterwards) {
  Engine opened = engine();
  std::shared_ptr<const void> held = opened.encode_prompt("held");
  const auto push_out = [&](const std::string& name) {
    for (int i = 0; i < 70; ++i) opened.encode_prompt(name + std::to_string(i));
  };
  push_out("first ");
  EXPECT_EQ(opened.encode_prompt("held"), held);
  const std::weak_ptr<const void> known = std::exchange(held, nullptr);
  push_out("second ");
  EXPECT_TRUE(known.expired());
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
