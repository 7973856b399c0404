// Changes of a running stream: between two frames, without a gap, and never a flat image.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "live/stream_switcher.h"
#include "live/support.h"
#include "support/tiny_model.h"
#include "support/wait.h"

namespace streamdiffusion {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using Kind = QueuePolicy::Kind;

/// Until the other session is ready.
bool settle(const LiveSession& live) {
  return wait_until("the end of reconfiguring", [&] { return !live.reconfiguring(); });
}

/// The same, and every frame is out of the queues.
bool settled(LiveSession& live) {
  return settle(live) &&
         wait_until("the frames in flight", [&] { return live.counters().in_flight() <= 1; });
}

/// Ten frames, a change, ten more.
std::vector<LiveOutput> across_a_change(const LiveSettings& after,
                                        QueuePolicy policy = {Kind::block, 2}) {
  Receiver receiver;
  LiveSession live(engine(), small(), policy, receiver.callbacks());
  for (int i = 0; i < 10; ++i) live.submit(numbered_frame(3));
  live.change(after);
  settle(live);
  for (int i = 10; i < 20; ++i) live.submit(numbered_frame(3));
  live.drain();
  EXPECT_TRUE(receiver.errors().empty());
  expect_balanced(live.counters());
  return receiver.outputs();
}

Image steady_image(const LiveSettings& settings) {
  Session session = engine().session(settings.options);
  session.set_prompts(settings.prompts);
  Image last;
  for (int i = 0; i < 4; ++i) {
    if (auto out =
            session.process(numbered_image(3, *settings.options.width, *settings.options.height)))
      last = out->image;
  }
  return last;
}

void expect_whole(const std::vector<LiveOutput>& outputs) {
  ASSERT_EQ(outputs.size(), 20U);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_EQ(outputs[i].frame_id, i);
    EXPECT_GT(contrast(*outputs[i].image), 1.0) << "frame " << i << " is flat";
  }
}

TEST(LiveChange, PromptGuidanceSeedAndTimestepsChangeBetweenFrames) {
  LiveSettings after = small();
  after.prompts = {{"green fish", 1.0F}, {"blue house", 0.5F}};
  after.options.guidance_scale = 1.7F;
  after.options.delta = 0.8F;
  after.options.seed = 5;
  after.options.t_index_list = {18, 40};
  const auto outputs = across_a_change(after);
  expect_whole(outputs);
  EXPECT_EQ(outputs[2].image->rgb, steady_image(small()).rgb);
  EXPECT_EQ(outputs[19].image->rgb, steady_image(after).rgb);
}

TEST(LiveChange, StepsGuidanceTypeAndSizeArePreparedBesideAndTakeOverWithoutAGap) {
  LiveSettings more = small(), fewer = small(), full = small(), larger = small();
  more.options.t_index_list = {10, 22, 35, 45};
  fewer.options.t_index_list = {30};
  full.options.cfg_type = CfgType::full;
  larger.options.width = 48;
  larger.options.height = 40;
  for (const LiveSettings& after : {more, fewer, full}) {
    const auto outputs = across_a_change(after);
    expect_whole(outputs);
    EXPECT_EQ(outputs[2].image->rgb, steady_image(small()).rgb);
    EXPECT_EQ(outputs[19].image->rgb, steady_image(after).rgb);
  }
  const auto outputs = across_a_change(larger);
  expect_whole(outputs);
  EXPECT_EQ(outputs[0].image->width, 32);
  EXPECT_EQ(outputs[19].image->width, 48);
}

TEST(LiveChange, TextInsteadOfImagesAndBack) {
  LiveSettings text = small();
  text.options.text_to_image = true;
  text.options.cfg_type = CfgType::none;
  Receiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 2}, receiver.callbacks());
  live.submit(numbered_frame(0));
  ASSERT_TRUE(settled(live));
  live.change(small());
  live.change(text);
  live.submit({});  // waits for the text-to-image mode
  live.submit({});
  ASSERT_TRUE(settled(live));
  live.change(small());
  ASSERT_TRUE(settled(live));
  live.submit(numbered_frame(2));
  live.drain();
  EXPECT_TRUE(receiver.errors().empty());
  EXPECT_EQ(receiver.outputs().size(), 4U);
  expect_balanced(live.counters());
}

TEST(LiveChange, OneThatCannotBePreparedIsTakenBack) {
  LiveSettings other = small(), huge = small();
  other.options.width = 48;
  huge.options.width = huge.options.height = 16384;  // more than any machine's memory
  Receiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 2}, receiver.callbacks());
  EXPECT_EQ(live.changes().current, 0U);
  EXPECT_EQ(live.change(other), 1U);
  ASSERT_TRUE(settled(live));
  EXPECT_EQ(live.change(huge), 2U);
  ASSERT_TRUE(settled(live));
  ASSERT_EQ(receiver.errors().size(), 1U);
  EXPECT_EQ(live.changes().current, 1U);
  EXPECT_EQ(live.settings().options.width, 48);
  EXPECT_EQ(live.change(small()), 3U);
  ASSERT_TRUE(settled(live));
  EXPECT_EQ(live.changes().current, 3U);
  EXPECT_EQ(receiver.errors().size(), 1U);
}

Image next_image(live::StreamSwitcher& switcher) {
  live::Frame frame;
  frame.image = numbered_image(3);
  const live::EngineCallResult result = switcher.enter(std::move(frame));
  return result.finished.empty() ? Image() : *result.finished.back().image;
}

TEST(LiveChange, OneThatFailsBetweenTwoSettersLeavesNeither) {
  LiveSettings before = small();
  before.options = engine().with_defaults(before.options);
  before.negative_prompt = "";
  Engine opened = engine();
  live::StreamSwitcher switcher(
      std::make_unique<live::ActiveSession>(opened, before, std::stop_token()), before);
  for (int i = 0; i < 3; ++i) next_image(switcher);
  const Image steady = next_image(switcher);

  LiveSettings wrong = before;
  wrong.prompts = {{"green fish", 1.0F}};
  wrong.options.guidance_scale = 1.7F;
  wrong.options.seed = 9;
  wrong.options.t_index_list = {18, 40};
  wrong.options.control_settings.resize(1);  // the engine has no ControlNet
  EXPECT_THROW(switcher.apply(wrong), Error);
  for (int i = 0; i < 3; ++i) next_image(switcher);
  EXPECT_EQ(next_image(switcher).rgb, steady.rgb);

  auto other = std::make_unique<live::ActiveSession>(opened, before, std::stop_token());
  EXPECT_THROW(switcher.switch_to(std::move(other), wrong), Error);
  for (int i = 0; i < 3; ++i) next_image(switcher);
  EXPECT_EQ(next_image(switcher).rgb, steady.rgb);
}

TEST(LiveChange, AnotherModelTakesOver) {
  Engine other = open_engine();
  Receiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 2}, receiver.callbacks());
  for (int i = 0; i < 5; ++i) live.submit(numbered_frame(i));
  live.change(other, small());
  settle(live);
  for (int i = 5; i < 10; ++i) live.submit(numbered_frame(i));
  live.drain();
  EXPECT_EQ(receiver.outputs().size(), 10U);
  EXPECT_TRUE(receiver.errors().empty());
}

TEST(LiveChange, ATransitionPassesThroughMixtures) {
  LiveSettings after = small();
  after.prompts = {{"green fish", 1.0F}};
  after.transition_seconds = 1;
  Receiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 1}, receiver.callbacks());
  live.submit(numbered_frame(3));
  live.change(after);
  settle(live);
  const auto entered = [&](std::size_t i) { return receiver.outputs().at(i).entered; };
  std::size_t count = 1;
  do {  // frame 1 is the first of the transition, which goes by the clock
    live.submit(numbered_frame(3));
    ASSERT_TRUE(receiver.wait_for(count));
    ++count;
  } while (count < 4 || entered(count - 2) - entered(1) < std::chrono::milliseconds(1050));
  live.drain();
  std::vector<std::vector<std::uint8_t>> different;
  for (const LiveOutput& output : receiver.outputs()) {
    if (different.empty() || different.back() != output.image->rgb)
      different.push_back(output.image->rgb);
  }
  EXPECT_GT(different.size(), 2U);  // the old, something between, the new
  EXPECT_EQ(receiver.outputs().back().image->rgb, steady_image(after).rgb);
}

TEST(LiveChange, WhatNoSessionCouldHaveIsRefusedWithNothingChanged) {
  Receiver receiver;
  LiveSession live(engine(), small(), {}, receiver.callbacks());
  LiveSettings wrong = small();
  wrong.options.width = 33;
  EXPECT_THROW(live.change(wrong), Error);
  wrong = small();
  wrong.options.t_index_list = {3, 99};
  EXPECT_THROW(live.change(wrong), Error);
  wrong = small();
  wrong.prompts = {{"a", -1.0F}};
  EXPECT_THROW(live.change(wrong), Error);
  wrong = small();
  wrong.transition_seconds = 1e9;
  EXPECT_THROW(live.change(wrong), Error);
  EXPECT_EQ(live.settings().options.width, 32);
  EXPECT_EQ(live.settings().prompts[0].text, "red apple");
}

TEST(LiveChange, AStormOfChangesUnderLoadLosesNothing) {
  Receiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 2}, receiver.callbacks());
  std::thread changes([&] {
    for (int i = 0; i < 30; ++i) {
      LiveSettings settings = small();
      settings.options.t_index_list.resize(static_cast<std::size_t>(1 + i % 2), 45);
      settings.options.seed = i;
      settings.prompts = {{"prompt " + std::to_string(i), 1.0F}};
      settings.options.t_index_list[0] = 20;
      live.change(settings);
      const std::uint64_t next = static_cast<std::uint64_t>(4 * i + 4);
      wait_until("frames between the changes", [&] { return live.counters().captured >= next; });
    }
  });
  for (int i = 0; i < 120; ++i) live.submit(numbered_frame(i));
  changes.join();
  live.drain();
  const auto outputs = receiver.outputs();
  ASSERT_EQ(outputs.size(), 120U);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_EQ(outputs[i].frame_id, i);
    EXPECT_GT(contrast(*outputs[i].image), 1.0);
  }
}

}  // namespace
}  // namespace streamdiffusion
