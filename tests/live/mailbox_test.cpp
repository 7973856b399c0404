// Mailbox: what is dropped, who waits, what closing does.
#include "live/mailbox.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/blocking_thread.h"

namespace streamdiffusion::live {
namespace {

using streamdiffusion::testing::BlockingThread;
using Kind = QueuePolicy::Kind;

TEST(Mailbox, LatestKeepsTheNewestWhateverTheDepth) {
  Mailbox<int> box({Kind::latest, 7});
  EXPECT_EQ(box.put(1), std::nullopt);
  EXPECT_EQ(box.put(2), 1);
  EXPECT_EQ(box.put(3), 2);
  EXPECT_EQ(box.try_take(), 3);
  EXPECT_EQ(box.try_take(), std::nullopt);
}

TEST(Mailbox, DropOldestKeepsTheLastFewInOrder) {
  Mailbox<int> box({Kind::drop_oldest, 2});
  box.put(1);
  box.put(2);
  EXPECT_EQ(box.put(3), 1);
  EXPECT_EQ(box.take(), 2);
  EXPECT_EQ(box.take(), 3);
}

TEST(Mailbox, BlockWaitsForRoomAndLosesNothing) {
  Mailbox<int> box({Kind::block, 2});
  std::thread putter([&] {
    for (int i = 0; i < 100; ++i) EXPECT_EQ(box.put(i), std::nullopt);
    box.close();
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(box.take(), i);
  EXPECT_EQ(box.take(), std::nullopt);
  putter.join();
}

TEST(Mailbox, ClosingWakesAPutterAndGivesItsItemBack) {
  Mailbox<int> box({Kind::block, 1});
  box.put(1);
  std::optional<int> back;
  BlockingThread putter([&] { back = box.put(2); });
  putter.wait_until_blocked();
  box.close();
  putter.join();
  EXPECT_EQ(back, 2);
  EXPECT_EQ(box.take(), 1);
  EXPECT_EQ(box.take(), std::nullopt);
}

TEST(Mailbox, DiscardingEmptiesItAndWakesATaker) {
  Mailbox<int> box({Kind::drop_oldest, 8});
  box.put(1);
  box.put(2);
  box.discard([](std::size_t count) { EXPECT_EQ(count, 2U); });
  EXPECT_EQ(box.take(), std::nullopt);
  Mailbox<int> empty({Kind::drop_oldest, 8});
  BlockingThread taker([&] { EXPECT_EQ(empty.take(), std::nullopt); });
  taker.wait_until_blocked();
  empty.discard([](std::size_t count) { EXPECT_EQ(count, 0U); });
}

}  // namespace
}  // namespace streamdiffusion::live
