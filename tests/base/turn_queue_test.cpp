// TurnQueue: who gets the next turn.
#include "base/turn_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/blocking_thread.h"
#include "support/wait.h"

namespace streamdiffusion::base {
namespace {

using streamdiffusion::testing::BlockingThread;
using Turn = TurnQueue::Turn;

/// Seconds that pass only when a test says so.
class FakeClock {
 public:
  std::function<double()> reader() {
    return [this] { return now_.load(); };
  }
  void advance(double seconds) { now_ = now_ + seconds; }

 private:
  std::atomic<double> now_{0};
};

/// Takes turns of `cost` seconds for as long as `go_on` says. Gives its turn back only when
/// `others` wait, so that everyone always has a wish.
void take_turns(TurnQueue& queue, FakeClock& clock, double cost, int others, double& sum,
                const std::function<bool()>& go_on, std::uint64_t group = 0, double weight = 1) {
  TurnQueue::Member member(queue, group);
  member.weigh(weight);
  while (go_on()) {
    const Turn turn(member);
    while (queue.waiting() < others && go_on()) std::this_thread::yield();
    clock.advance(cost);
    sum += cost;
  }
}

/// The seconds that three members get of 300, who all keep asking.
std::array<double, 3> seconds_of_three(const std::array<double, 3>& costs,
                                       const std::array<double, 3>& weights) {
  FakeClock clock;
  TurnQueue queue(clock.reader(), streamdiffusion::testing::kWaitLimit);
  std::array<double, 3> sums{};
  const auto read = clock.reader();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      take_turns(
          queue, clock, costs[i], 2, sums[i], [&] { return read() < 300; }, 0, weights[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return sums;
}

TEST(TurnQueue, WhoWantsTheSameGetsTheSameSecondsHoweverLongATurnIs) {
  const std::array<double, 3> costs{0.01, 0.1, 5};
  for (const double sum : seconds_of_three(costs, {1, 1, 1}))
    EXPECT_NEAR(sum, 100, 2 * costs.back());
}

TEST(TurnQueue, SecondsAreInProportionToWeights) {
  const std::array<double, 3> costs{0.1, 0.5, 4};
  const std::array<double, 3> sums = seconds_of_three(costs, costs);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(sums[i] / costs[i], 300 / 4.6, 3) << i;
}

TEST(TurnQueue, GroupsGetTheSameSecondsHoweverManyMembersEachHas) {
  FakeClock clock;
  TurnQueue queue(clock.reader(), streamdiffusion::testing::kWaitLimit);
  std::array<double, 6> sums{};
  const std::array<double, 6> costs{0.1, 1, 2, 0.5, 3, 1};
  const std::array<std::uint64_t, 6> groups{7, 8, 8, 8, 8, 9};
  const auto read = clock.reader();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    threads.emplace_back([&, i] {
      take_turns(
          queue, clock, costs[i], 5, sums[i], [&] { return read() < 300; }, groups[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_NEAR(sums[0], 100, 6);
  EXPECT_NEAR(sums[5], 100, 6);
  for (std::size_t i = 1; i < 5; ++i) EXPECT_NEAR(sums[i], 25, 6) << i;
}

TEST(TurnQueue, AGroupThatWasAwayGetsNoCreditForItAndOneThatLeftKeepsItsDebt) {
  FakeClock clock;
  TurnQueue queue(clock.reader());
  TurnQueue::Member busy(queue, 1);
  for (int i = 0; i < 100; ++i) {
    const Turn turn(busy);
    clock.advance(1);
  }
  {
    TurnQueue::Member short_lived(queue, 2);
    const Turn turn(short_lived);
    clock.advance(10);  // it stands behind the others by that, and was not before them by 100
  }
  std::vector<int> order;
  TurnQueue::Member holder(queue, 3);
  auto held = std::make_unique<Turn>(holder);
  TurnQueue::Member back(queue, 2);
  const auto take_turn = [&](TurnQueue::Member& member, int who) {
    const Turn turn(member);
    order.push_back(who);
  };
  BlockingThread a([&] { take_turn(back, 2); });
  ASSERT_TRUE(a.wait_until_blocked());
  BlockingThread b([&] { take_turn(busy, 1); });
  ASSERT_TRUE(b.wait_until_blocked());
  held.reset();
  a.join();
  b.join();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(TurnQueue, WhatATurnDoesForAnotherGroupIsChargedToThatOne) {
  FakeClock clock;
  TurnQueue queue(clock.reader());
  TurnQueue::Member leader(queue, 1), friendly(queue, 1), follower(queue, 2);
  auto turn = std::make_unique<Turn>(leader);
  BlockingThread one([&] { const Turn its(follower); });
  ASSERT_TRUE(one.wait_until_blocked());
  clock.advance(4);
  turn->charge(friendly, 1);  // the group's all the same
  turn->charge(follower, 3);
  turn->pause();  // the groups stand at one and three
  EXPECT_EQ(turn->waited(), 0);
  EXPECT_EQ(queue.waiting(), 1);
  turn.reset();
  one.join();
}

TEST(TurnQueue, WhoCameFirstGoesFirstAmongEquals) {
  FakeClock clock;
  TurnQueue queue(clock.reader());
  TurnQueue::Member first(queue), second(queue), third(queue);
  std::vector<int> order;
  auto mine = std::make_unique<Turn>(third);
  const auto take_turn = [&](TurnQueue::Member& member, int who) {
    const Turn turn(member);
    order.push_back(who);
  };
  BlockingThread one([&] { take_turn(first, 1); });
  ASSERT_TRUE(one.wait_until_blocked());
  BlockingThread two([&] { take_turn(second, 2); });
  ASSERT_TRUE(two.wait_until_blocked());
  mine.reset();
  one.join();
  two.join();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(TurnQueue, WhoWasAwayGetsNoCreditForIt) {
  FakeClock clock;
  TurnQueue queue(clock.reader());
  TurnQueue::Member idle(queue), busy(queue);
  for (int i = 0; i < 100; ++i) {
    const Turn turn(busy);
    clock.advance(1);
  }
  {
    const Turn turn(idle);
    clock.advance(2);
  }
  // Were the idle member 100 seconds ahead, the busy one would wait for it now.
  std::vector<int> order;
  auto holder = std::make_unique<TurnQueue::Member>(queue);
  auto held = std::make_unique<Turn>(*holder);
  BlockingThread a([&] {
    const Turn turn(idle);
    order.push_back(1);
  });
  ASSERT_TRUE(a.wait_until_blocked());
  BlockingThread b([&] {
    const Turn turn(busy);
    order.push_back(2);
  });
  ASSERT_TRUE(b.wait_until_blocked());
  held.reset();
  a.join();
  b.join();
  EXPECT_EQ(order, (std::vector{2, 1}));
}

TEST(TurnQueue, AShortTurnGoesInTheMiddleOfALongOne) {
  FakeClock clock;
  TurnQueue queue(clock.reader());
  TurnQueue::Member heavy(queue), light(queue);
  std::vector<std::string> order;
  Turn turn(heavy);
  turn.use("big");
  EXPECT_FALSE(turn.wanted());
  BlockingThread other([&] {
    Turn quick(light);
    quick.use("small");
    clock.advance(1);
    order.emplace_back("light");
  });
  ASSERT_TRUE(other.wait_until_blocked());
  EXPECT_TRUE(turn.wanted());
  clock.advance(5);
  turn.pause();
  order.emplace_back("heavy");
  other.join();
  EXPECT_EQ(order, (std::vector<std::string>{"light", "heavy"}));
  EXPECT_EQ(turn.waited(), 1);
}

TEST(TurnQueue, WhatAPausedTurnWorksWithIsNotGivenToOthers) {
  TurnQueue queue;
  TurnQueue::Member first(queue), second(queue);
  std::atomic<bool> inside = false;
  auto turn = std::make_unique<Turn>(first);
  turn->use(&queue);
  BlockingThread other([&] {
    Turn same(second);
    same.use(&queue);
    inside = true;
  });
  ASSERT_TRUE(other.wait_until_blocked());
  turn->pause();  // the other begins, wants what this turn works with, and waits again
  EXPECT_FALSE(inside);
  turn.reset();
  other.join();
  EXPECT_TRUE(inside);
}

TEST(TurnQueue, WhoTakesAnotherTurnStandsWhereItsSecondsPutIt) {
  FakeClock clock;
  TurnQueue queue(clock.reader());
  TurnQueue::Member first(queue), second(queue);
  std::vector<int> order;
  Turn turn(first);
  BlockingThread other([&] {
    const Turn its(second);
    order.push_back(2);
    clock.advance(1);
  });
  ASSERT_TRUE(other.wait_until_blocked());
  clock.advance(3);
  turn.again("pool");  // it has had three seconds, and the other none
  order.push_back(1);
  other.join();
  EXPECT_EQ(order, (std::vector{2, 1}));
  EXPECT_EQ(turn.waited(), 1);
}

TEST(TurnQueue, WhoHasHadLessKeepsTheResourceWhenItTakesAnotherTurn) {
  FakeClock clock;
  TurnQueue queue(clock.reader());
  TurnQueue::Member first(queue), second(queue);
  {
    const Turn turn(second);
    clock.advance(5);
  }
  std::atomic<bool> inside = false;
  auto turn = std::make_unique<Turn>(first);
  BlockingThread other([&] {
    const Turn its(second);
    inside = true;
  });
  ASSERT_TRUE(other.wait_until_blocked());
  clock.advance(4);  // the first stands at four, the other at five
  turn->again("pool");
  EXPECT_FALSE(inside);
  EXPECT_EQ(turn->waited(), 0);
  turn.reset();
  other.join();
  EXPECT_TRUE(inside);
}

TEST(TurnQueue, NobodyIsKeptFromTheResourceOfATurnThatIsTakenAgain) {
  FakeClock clock;
  TurnQueue queue(clock.reader());
  TurnQueue::Member first(queue), second(queue);
  Turn turn(first);
  BlockingThread other([&] {
    Turn its(second);
    its.use("pool");
  });
  ASSERT_TRUE(other.wait_until_blocked());
  clock.advance(1);
  turn.again("pool");  // the other has had less: it goes first, with the pool
  other.join();
}

TEST(TurnQueue, WhatATurnDoesForAnotherIsChargedToThatOne) {
  FakeClock clock;
  TurnQueue queue(clock.reader());
  TurnQueue::Member leader(queue), follower(queue), third(queue);
  std::vector<int> order;
  auto turn = std::make_unique<Turn>(leader);
  BlockingThread one([&] {
    const Turn its(follower);
    order.push_back(1);
  });
  ASSERT_TRUE(one.wait_until_blocked());
  BlockingThread two([&] {
    const Turn its(third);
    order.push_back(2);
  });
  ASSERT_TRUE(two.wait_until_blocked());
  const double before = turn->used();
  clock.advance(4);
  EXPECT_EQ(turn->used() - before, 4);
  turn->charge(follower, 3);
  EXPECT_EQ(turn->used() - before, 1);
  turn.reset();
  two.join();
  one.join();
  EXPECT_EQ(order, (std::vector{2, 1}));  // though the follower came first
}

TEST(TurnQueue, AStoppedTurnIsNotTakenAgain) {
  TurnQueue queue;
  TurnQueue::Member member(queue), other(queue);
  std::stop_source stop;
  {
    Turn turn(member, stop.get_token());
    stop.request_stop();
    EXPECT_THROW(turn.again("pool"), Error);
  }
  const Turn next(other);
}

TEST(TurnQueue, AWaitEndsWithAStop) {
  TurnQueue queue;
  TurnQueue::Member holder(queue), waiter(queue), last(queue);
  auto turn = std::make_unique<Turn>(holder);
  std::stop_source stop;
  BlockingThread waiting([&] { EXPECT_THROW(Turn(waiter, stop.get_token()), Error); });
  ASSERT_TRUE(waiting.wait_until_blocked());
  stop.request_stop();
  waiting.join();
  EXPECT_EQ(queue.waiting(), 0);
  turn.reset();
  const Turn next(last);  // the one that gave up blocks nobody
}

TEST(TurnQueue, AStoppedTurnDoesNotPause) {
  TurnQueue queue;
  TurnQueue::Member member(queue);
  std::stop_source stop;
  Turn turn(member, stop.get_token());
  EXPECT_FALSE(turn.wanted());
  stop.request_stop();
  EXPECT_TRUE(turn.wanted());
  EXPECT_THROW(turn.pause(), Error);
}

}  // namespace
}  // namespace streamdiffusion::base
