// Stopping: always, soon, and with every frame counted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"
#include "live/support.h"
#include "support/blocking_thread.h"
#include "support/wait.h"

namespace streamdiffusion {
namespace {

using namespace testing;
using Kind = QueuePolicy::Kind;

/// Waits inside its first image until it is interrupted.
class WaitingReceiver {
 public:
  LiveCallbacks callbacks() {
    return {.output =
                [this](const LiveOutput&) {
                  inside_ = true;
                  freed_.get_future().wait();
                },
            .interrupt = [this] { freed_.set_value(); }};
  }
  void wait_until_called() {
    wait_until("the receiver to be called", [this] { return inside_.load(); });
  }

 private:
  std::promise<void> freed_;
  std::atomic<bool> inside_ = false;
};

TEST(LiveStop, AThousandTimesUnderLoadWithoutAHang) {
  for (int round = 0; round < 1000; ++round) {
    const Kind kind = round % 3 == 0   ? Kind::latest
                      : round % 3 == 1 ? Kind::drop_oldest
                                       : Kind::block;
    Receiver receiver;
    LiveSession live(engine(), small(), {kind, 1 + round % 3}, receiver.callbacks());
    std::thread submitter([&] {
      for (int i = 0; live.submit(numbered_frame(i)); ++i) {
      }
    });
    if (round % 5 == 0) live.change(small());
    // another moment in each round: nothing waits for this time
    std::this_thread::sleep_for(std::chrono::microseconds(round * 7 % 3000));
    round % 7 == 0 ? live.drain() : live.stop();
    submitter.join();
    const LiveCounters counters = live.counters();
    expect_balanced(counters);
    ASSERT_EQ(receiver.outputs().size(), counters.processed + counters.skipped);
  }
}

TEST(LiveStop, AReceiverThatWaitsIsInterrupted) {
  WaitingReceiver receiver;
  LiveSession live(engine(), small(), {}, receiver.callbacks());
  live.submit(numbered_frame(0));
  receiver.wait_until_called();
  live.stop();  // does not return before the receiver does
  EXPECT_EQ(live.counters().processed, 1U);
  expect_balanced(live.counters());
}

TEST(LiveStop, HaltEndsADrainThatWaitsForItsReceiver) {
  WaitingReceiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 8}, receiver.callbacks());
  for (int i = 0; i < 8; ++i) live.submit(numbered_frame(i));
  receiver.wait_until_called();
  BlockingThread drainer([&] { live.drain(); });
  ASSERT_TRUE(drainer.wait_until_blocked());
  live.halt();  // returns at once; the receiver is called no more, so nothing else frees the drain
  drainer.join();
  EXPECT_EQ(live.counters().processed, 1U);
  expect_balanced(live.counters());
}

TEST(LiveStop, TheEndIsToldOnceWithFinalCounters) {
  for (const bool drained : {true, false}) {
    std::atomic<int> ends = 0;
    std::optional<LiveSession> live;
    Receiver receiver;
    LiveCallbacks callbacks = receiver.callbacks();
    callbacks.ended = [&] {
      ++ends;
      expect_balanced(live->counters());
      EXPECT_EQ(live->state(), LiveState::stopped);
    };
    live.emplace(engine(), small(), QueuePolicy{Kind::block, 8}, callbacks);
    for (int i = 0; i < 8; ++i) live->submit(numbered_frame(i));
    drained ? live->close() : live->halt();  // neither waits
    wait_until("the end", [&] { return ends == 1; });
    EXPECT_EQ(receiver.outputs().size() == 8, drained);
    live->stop();
    live.reset();
    EXPECT_EQ(ends, 1);
  }
}

TEST(LiveStop, AThreadLeftBehindIsWarnedOfStillCountsAndKeepsItsPlace) {
  std::string warning;
  base::set_log_callback([&](base::LogLevel, std::string_view message) { warning = message; });
  auto freed = std::make_shared<std::promise<void>>();
  std::atomic<bool> inside = false;
  auto ends = std::make_shared<std::atomic<int>>(0);
  Engine one = open_engine(1);
  {
    LiveCallbacks callbacks{.output =
                                [freed, &inside](const LiveOutput&) {
                                  inside = true;
                                  freed->get_future().wait();
                                },
                            .ended = [ends] { ++*ends; }};
    LiveSession live(one, small(), QueuePolicy{}, callbacks);
    live.submit(numbered_frame(0));
    wait_until("the receiver to be called", [&] { return inside.load(); });
    live.stop();  // five seconds, once: the destructor does not wait again
  }
  base::set_log_callback({});
  EXPECT_THAT(warning, ::testing::HasSubstr("deliver thread does not return"));
  EXPECT_EQ(*ends, 0);
  EXPECT_THROW(LiveSession(one, small(), {}, {}), Error);  // max_live_sessions
  freed->set_value();
  wait_until("the end", [&] { return *ends == 1; });
  wait_until("the thread to let go of the callbacks", [&] { return freed.use_count() == 1; });
  const LiveSession next(one, small(), {}, {});
}

TEST(LiveStop, WhatACallbackThrowsEndsTheSessionAndNotTheProgram) {
  for (const bool prepare : {true, false}) {
    LiveCallbacks callbacks{.output = [](const LiveOutput&) { throw 1; },
                            .error = [](const Error&, auto) { throw 2; }};
    LiveSession live(engine(), small(), {}, callbacks);
    live.submit({.image = [=] { return prepare ? throw Error(ErrorCode::io, "") : Image(); }});
    wait_until("the failure", [&] { return live.state() == LiveState::failed; });
    live.stop();
    EXPECT_EQ(live.counters().captured, 1U);
    expect_balanced(live.counters());
    EXPECT_TRUE(live.failure().has_value());
  }
}

TEST(LiveStop, WithoutThreadsItDoesNotStartAndLeavesNone) {
  Engine one = open_engine(1);
  for (int allowed = 0; allowed < 4; ++allowed) {
    int started = 0;
    base::set_thread_hook(
        [&] { base::require(started++ < allowed, ErrorCode::busy, "no more threads"); });
    auto alive = std::make_shared<int>();
    LiveCallbacks callbacks{.ended = [alive] { ADD_FAILURE() << "it never began"; }};
    EXPECT_THROW(LiveSession(one, small(), {}, callbacks), Error) << allowed;
    base::set_thread_hook({});
    callbacks = {};
    EXPECT_EQ(alive.use_count(), 1) << "a thread still holds the session";
  }
  const LiveSession works(one, small(), {}, {});  // the place is free
}

TEST(LiveStop, DrainingAndStoppingAtOnceBothReturn) {
  Receiver receiver;
  LiveSession live(engine(), small(), {Kind::block, 8}, receiver.callbacks());
  for (int i = 0; i < 8; ++i) live.submit(numbered_frame(i));
  std::thread drainer([&] { live.drain(); });
  live.stop();
  drainer.join();
  expect_balanced(live.counters());
}

}  // namespace
}  // namespace streamdiffusion
