// FairMutex: threads get it in the order in which they asked.
#include "base/fair_mutex.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "support/blocking_thread.h"

namespace streamdiffusion::base {
namespace {

using streamdiffusion::testing::BlockingThread;

TEST(FairMutex, WhoCameFirstGoesFirstAndALoopKeepsNobodyOut) {
  FairMutex turns;
  std::vector<int> order;
  auto mine = std::make_unique<FairLock>(turns);
  const auto take_turn = [&](int who) {
    const FairLock turn(turns);
    order.push_back(who);
  };
  BlockingThread first([&] { take_turn(1); });
  ASSERT_TRUE(first.wait_until_blocked());
  BlockingThread second([&] { take_turn(2); });
  ASSERT_TRUE(second.wait_until_blocked());
  mine.reset();
  take_turn(3);  // at once again, and yet behind the two
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

}  // namespace
}  // namespace streamdiffusion::base
