// ThreadTeam: every worker runs, errors come back, barriers hold.
#include "base/thread_team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "base/error.h"
#include "base/thread.h"

namespace streamdiffusion::base {
namespace {

TEST(ThreadTeam, RunsTheJobOnceOnEveryThread) {
  ThreadTeam team(3);
  std::vector<int> calls(3, 0);
  const std::function<void(int)> job = [&](int index) { ++calls[static_cast<std::size_t>(index)]; };
  for (int i = 0; i < 1000; ++i) team.run(job);
  EXPECT_EQ(calls, std::vector<int>(3, 1000));
}

TEST(Barrier, SeparatesPhases) {
  ThreadTeam team(4);
  Barrier barrier(4);
  std::vector<int> first(4, 0);
  std::atomic<int> wrong{0};
  team.run([&](int index) {
    for (int round = 1; round <= 500; ++round) {
      first[static_cast<std::size_t>(index)] = round;
      barrier.wait();
      for (const int value : first) wrong += value != round;
      barrier.wait();
    }
  });
  EXPECT_EQ(wrong.load(), 0);
}

TEST(ThreadTeam, DoesNotBeginWithoutAllItsThreads) {
  std::atomic<int> started{0};
  set_thread_hook([&] { require(started++ < 2, ErrorCode::busy, "no more threads"); });
  EXPECT_THROW(ThreadTeam(3), Error);
  set_thread_hook({});
}

TEST(ThreadTeam, RethrowsAnExceptionAndStaysUsable) {
  ThreadTeam team(2);
  EXPECT_THROW(team.run([](int index) {
    if (index == 1) throw std::runtime_error("worker 1");
  }),
               std::runtime_error);
  std::atomic<int> calls{0};
  team.run([&](int) { ++calls; });
  EXPECT_EQ(calls.load(), 2);
}

TEST(ThreadTeam, SeveralCallersTakeTurns) {
  ThreadTeam team(2);
  std::atomic<int> inside{0}, most{0};
  auto caller = [&] {
    for (int i = 0; i < 200; ++i) {
      team.run([&](int) {
        const int now = ++inside;
        if (now > most) most = now;
        --inside;
      });
    }
  };
  std::thread a(caller), b(caller);
  a.join();
  b.join();
  EXPECT_LE(most.load(), 2);
}

}  // namespace
}  // namespace streamdiffusion::base
