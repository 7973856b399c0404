// Stopping: always, soon, and with every frame counted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/log.h"
#include "live/support.h"

namespace streamdiffusion {
namespace {

using namespace testing;
using Kind = QueuePolicy::Kind;

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
    std::this_thread::sleep_for(std::chrono::microseconds(round * 7 % 3000));
    round % 7 == 0 ? live.drain() : live.stop();
    submitter.join();
    const LiveCounters counters = live.counters();
    expect_balanced(counters);
    ASSERT_EQ(receiver.outputs().size(), counters.processed + counters.skipped);
  }
}

TEST(LiveStop, AReceiverThatWaitsIsInterrupted) {
  std::promise<void> freed;
  std::atomic<bool> inside = false;
  LiveCallbacks callbacks{.output =
                              [&](const LiveOutput&) {
                                inside = true;
                                freed.get_future().wait();
                              },
                          .interrupt = [&] { freed.set_value(); }};
  LiveSession live(engine(), small(), {}, callbacks);
  live.submit(numbered_frame(0));
  while (!inside) std::this_thread::yield();
  const auto start = LiveClock::now();
  live.stop();
  EXPECT_LT(LiveClock::now() - start, std::chrono::seconds(2));
  expect_balanced(live.counters());
}

TEST(LiveStop, AReceiverThatNeverReturnsIsLeftBehindWithAWarning) {
  std::string warning;
  base::set_log_callback([&](base::LogLevel, std::string_view message) { warning = message; });
  auto forever = std::make_shared<std::promise<void>>();
  std::atomic<bool> inside = false;
  {
    LiveCallbacks callbacks{.output = [forever, &inside](const LiveOutput&) {
      inside = true;
      forever->get_future().wait();
    }};
    LiveSession live(engine(), small(), {}, callbacks);
    live.submit(numbered_frame(0));
    while (!inside) std::this_thread::yield();
    live.stop();
  }
  base::set_log_callback({});
  EXPECT_THAT(warning, ::testing::HasSubstr("deliver thread does not return"));
  forever->set_value();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // it ends by itself
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
