// What a live session does with its frames: order, policies, counters, failures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "live/support.h"
#include "support/blocking_thread.h"
#include "support/tiny_model.h"
#include "support/wait.h"

namespace streamdiffusion {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::HasSubstr;
using Kind = QueuePolicy::Kind;

std::vector<Image> generated_synchronously(int count) {
  Session session = engine().session(small().options);
  session.set_prompt("red apple");
  std::vector<Image> images;
  for (int i = 0; i < count; ++i) {
    if (auto output = session.process(numbered_image(i))) images.push_back(output->image);
  }
  for (Output& output : session.flush()) images.push_back(output.image);
  return images;
}

TEST(LiveSession, AFileLosesNoFrameAndGivesWhatASessionGives) {
  const std::vector<Image> expected = generated_synchronously(20);
  Receiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 3}, receiver.callbacks());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(live.submit(numbered_frame(i)), i);
  live.drain();
  const auto outputs = receiver.outputs();
  ASSERT_EQ(outputs.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(outputs[i].frame_id, i);
    EXPECT_EQ(std::any_cast<int>(outputs[i].tag), static_cast<int>(i));
    EXPECT_EQ(outputs[i].image->rgb, expected[i].rgb) << "frame " << i;
    EXPECT_LE(outputs[i].captured, outputs[i].prepared);
    EXPECT_LE(outputs[i].prepared, outputs[i].entered);
    EXPECT_LE(outputs[i].entered, outputs[i].finished);
  }
  EXPECT_EQ(live.counters().processed, 20U);
  EXPECT_EQ(live.state(), LiveState::stopped);
  EXPECT_FALSE(live.submit(numbered_frame(0)).has_value());
  EXPECT_GT(live.times().unet, 0);
}

TEST(LiveSession, AFrameComesOutWithoutAnotherBehindIt) {
  Receiver receiver;
  LiveSession live(engine(), small(), {}, receiver.callbacks());
  live.submit(numbered_frame(1));
  ASSERT_TRUE(receiver.wait_for(1));
  EXPECT_GT(receiver.outputs()[0].age(), 0);
}

TEST(LiveSession, LatestDropsWhatIsLateAndTheLastFrameAlwaysArrives) {
  Receiver receiver;
  LiveSession live(engine(), small(), {}, receiver.callbacks());
  for (int i = 0; i < 400; ++i) live.submit(numbered_frame(i));
  live.drain();
  const auto outputs = receiver.outputs();
  const LiveCounters counters = live.counters();
  expect_balanced(counters);
  EXPECT_EQ(counters.captured, 400U);
  EXPECT_GT(counters.dropped_waiting + counters.dropped_prepared, 0U);
  ASSERT_FALSE(outputs.empty());
  EXPECT_EQ(outputs.back().frame_id, 399U);
  for (std::size_t i = 1; i < outputs.size(); ++i)
    EXPECT_GT(outputs[i].frame_id, outputs[i - 1].frame_id);
}

/// Holds each image until it is let go.
class Gate {
 public:
  LiveCallbacks callbacks() {
    return {.output = [this](const LiveOutput&) {
      ++entered;
      open_.wait(false);
      ++received;
    }};
  }
  void open() {
    open_ = true;
    open_.notify_all();
  }
  std::atomic<int> entered = 0, received = 0;

 private:
  std::atomic<bool> open_ = false;
};

TEST(LiveSession, ASlowReceiverLosesImagesUnderLatest) {
  Gate gate;
  LiveSession live(engine(), small(), {Kind::latest, 2}, gate.callbacks());
  int submitted = 0;
  wait_until("an image that is dropped", [&] {
    live.submit(numbered_frame(submitted++));
    return live.counters().dropped_undelivered > 0;
  });
  EXPECT_EQ(gate.entered, 1);
  gate.open();
  live.drain();
  expect_balanced(live.counters());
  EXPECT_LT(gate.received, submitted);
}

TEST(LiveSession, ASlowReceiverHoldsUpTheGiverUnderBlock) {
  constexpr int kFrames = 60;
  Gate gate;
  LiveSession live(engine(), small(), {Kind::block, 2}, gate.callbacks());
  BlockingThread submitter([&] {
    for (int i = 0; i < kFrames; ++i) live.submit(numbered_frame(i));
  });
  wait_until("the first image", [&] { return gate.entered > 0; });
  // it blocks now and then while frames move on; in the end it stays so, with the queues full
  wait_until("the submitter to be held up", [&] {
    const std::uint64_t before = live.times().frames;
    return !submitter.wait_until_blocked() || live.times().frames == before;
  });
  EXPECT_LT(live.counters().captured, kFrames);
  gate.open();
  submitter.join();
  live.drain();
  expect_balanced(live.counters());
  EXPECT_EQ(gate.received, kFrames);
}

TEST(LiveSession, AnImageIsCountedBeforeItIsDelivered) {
  std::atomic<std::uint64_t> received = 0;
  std::atomic<int> missing = 0;
  LiveSession* session = nullptr;
  LiveCallbacks callbacks{
      .output = [&](const LiveOutput&) { missing += session->counters().processed < ++received; }};
  LiveSession live(engine(), small(), {Kind::block, 2}, callbacks);
  session = &live;
  for (int i = 0; i < 10; ++i) live.submit(numbered_frame(i));
  live.drain();
  EXPECT_EQ(received, 10U);
  EXPECT_EQ(missing, 0);
}

TEST(LiveSession, AFrameThatCannotBeDecodedFailsAlone) {
  Receiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 4}, receiver.callbacks());
  for (int i = 0; i < 6; ++i) {
    LiveFrame frame = numbered_frame(i);
    if (i == 2) frame.image = []() -> Image { throw Error(ErrorCode::corrupt_file, "no image"); };
    live.submit(std::move(frame));
  }
  live.drain();
  EXPECT_EQ(receiver.outputs().size(), 5U);
  EXPECT_EQ(live.counters().failed, 1U);
  expect_balanced(live.counters());
  EXPECT_THAT(receiver.errors(), Contains(HasSubstr("no image")));
}

TEST(LiveSession, AFrameWithoutAnImageIsRefused) {
  Receiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 4}, receiver.callbacks());
  EXPECT_THROW(live.submit({}), Error);
  EXPECT_EQ(live.counters().captured, 0U);
}

TEST(LiveSession, FramesThatAreNotFiniteFailAndAreReported) {
  const TinyModel overflowing(1e5F);
  Engine broken = Engine::open({.model = overflowing.path(),
                                .device = SD_TEST_DEVICE,
                                .dtype = DataType::f32,
                                .threads = 1});
  Receiver receiver;
  LiveSession live(broken, small(), {Kind::block, 4}, receiver.callbacks());
  for (int i = 0; i < 3; ++i) live.submit(numbered_frame(i));
  live.drain();
  EXPECT_EQ(live.counters().failed, 3U);
  EXPECT_THAT(receiver.errors(), Contains(HasSubstr("not finite")));
}

TEST(LiveSession, AReceiverThatThrowsEndsTheSession) {
  LiveCallbacks callbacks{
      .output = [](const LiveOutput&) { throw Error(ErrorCode::io, "the other end is gone"); }};
  LiveSession live(engine(), small(), {Kind::block, 2}, callbacks);
  wait_until("the session to end", [&] { return !live.submit(numbered_frame(0)); });
  EXPECT_EQ(live.state(), LiveState::failed);
  EXPECT_STREQ(live.failure()->what(), "the other end is gone");
  live.stop();
  EXPECT_EQ(live.state(), LiveState::failed);
  EXPECT_EQ(live.counters().failed, 1U);
  expect_balanced(live.counters());
}

TEST(LiveSession, WhatComesDuringAPauseIsDroppedAndCounted) {
  Receiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 4}, receiver.callbacks());
  live.submit(numbered_frame(0));
  live.pause();
  EXPECT_EQ(live.state(), LiveState::paused);
  live.submit(numbered_frame(1));
  live.resume();
  live.submit(numbered_frame(2));
  live.drain();
  EXPECT_EQ(live.counters().dropped_paused, 1U);
  ASSERT_EQ(receiver.outputs().size(), 2U);
  EXPECT_EQ(receiver.outputs()[1].frame_id, 2U);
}

TEST(LiveSession, SkippedFramesComeBehindThoseBeforeThem) {
  Receiver receiver;
  LiveSettings settings = small();
  settings.options.enable_similar_image_filter = true;
  LiveSession live(engine(), settings, {Kind::block, 4}, receiver.callbacks());
  for (int i = 0; i < 40; ++i) live.submit(numbered_frame(i < 20 ? i : 20));
  live.drain();
  const auto outputs = receiver.outputs();
  ASSERT_EQ(outputs.size(), 40U);
  for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_EQ(outputs[i].frame_id, i);
  EXPECT_GT(live.counters().skipped, 15U);
  EXPECT_TRUE(outputs.back().reused);
  EXPECT_EQ(outputs.back().image->rgb, outputs[20].image->rgb);
  expect_balanced(live.counters());
}

TEST(LiveSession, GeneratesFromTextOnFramesWithoutAnImage) {
  LiveSettings settings = small();
  settings.options.text_to_image = true;
  settings.options.cfg_type = CfgType::none;
  Receiver receiver;
  LiveSession live(engine(), settings, {}, receiver.callbacks());
  live.submit({});
  ASSERT_TRUE(receiver.wait_for(1));
  EXPECT_GT(contrast(*receiver.outputs()[0].image), 1.0);
}

TEST(LiveSession, GivesTheSameBitsWithAndWithoutNeighbors) {
  const std::vector<Image> expected = generated_synchronously(12);
  LiveSettings other = small();
  other.prompts = {{"green fish", 1.0F}};
  other.options.seed = 77;
  Receiver mine, theirs;
  LiveSession live(engine(), small(), {Kind::block, 3}, mine.callbacks());
  LiveSession neighbor(engine(), other, {Kind::block, 3}, theirs.callbacks());
  std::thread busy([&] {
    for (int i = 0; i < 12; ++i) neighbor.submit(numbered_frame(100 + i));
  });
  for (int i = 0; i < 12; ++i) live.submit(numbered_frame(i));
  busy.join();
  live.drain();
  neighbor.drain();
  ASSERT_EQ(mine.outputs().size(), 12U);
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_EQ(mine.outputs()[i].image->rgb, expected[i].rgb) << "frame " << i;
}

/// How many frames one of two sessions was ahead at most, while both had frames to draw.
int longest_lead() {
  std::mutex mutex;
  std::vector<int> order;
  const auto callbacks = [&](int who) {
    return LiveCallbacks{.output = [&, who](const LiveOutput&) {
      const std::lock_guard lock(mutex);
      order.push_back(who);
    }};
  };
  LiveSession a(engine(), small(), {Kind::block, 64}, callbacks(0));
  LiveSession b(engine(), small(), {Kind::block, 64}, callbacks(1));
  for (int i = 0; i < 60; ++i) {
    a.submit(numbered_frame(i));
    b.submit(numbered_frame(i));
  }
  a.drain();
  b.drain();
  int lead = 0, most = 0;
  for (const int who : order) {
    lead += who == 0 ? 1 : -1;
    most = std::max(most, std::abs(lead));
  }
  return most;
}

/// A busy machine may keep one session's thread waiting for long, so that one round tells little.
/// Sessions that do not take turns are far apart in each. (base/fair_mutex_test.cpp has the order.)
TEST(LiveSession, NeighborsTakeTurns) {
  int least = 60;
  for (int round = 0; round < 10 && least > 10; ++round) least = std::min(least, longest_lead());
  EXPECT_LE(least, 10) << "one session was served this many frames before the other";
}

TEST(LiveSession, OneMoreThanAllowedIsRefusedUntilOneEnds) {
  Engine limited = open_engine(1);
  Receiver receiver;
  {
    LiveSession first(limited, small(), {}, receiver.callbacks());
    try {
      const LiveSession second(limited, small(), {}, receiver.callbacks());
      FAIL() << "a second session was let in";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::busy);
      EXPECT_THAT(error.what(), HasSubstr("all 1 live sessions"));
    }
  }
  const LiveSession third(limited, small(), {}, receiver.callbacks());
}

}  // namespace
}  // namespace streamdiffusion
