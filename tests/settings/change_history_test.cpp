// What a front end asked for, and what holds of it.
#include "settings/change_history.h"

#include <gtest/gtest.h>

#include <string>

namespace streamdiffusion::settings {
namespace {

TEST(ChangeHistory, FollowsTheSessionBack) {
  ChangeHistory<std::string> asked("start");
  EXPECT_EQ(asked.now(), "start");
  asked.add(1, "a");
  asked.add(2, "b");
  EXPECT_EQ(asked.now(), "b");
  EXPECT_FALSE(asked.follow({.current = 2, .prepared = 1, .applied = 0}));
  EXPECT_TRUE(asked.follow({.current = 1, .prepared = 1, .applied = 0})) << "2 was taken back";
  EXPECT_EQ(asked.now(), "a");
  EXPECT_TRUE(asked.follow({.current = 0, .prepared = 0, .applied = 0})) << "1 was not applied";
  EXPECT_EQ(asked.now(), "start");
}

TEST(ChangeHistory, ForgetsWhatTheSessionCannotGoBackTo) {
  ChangeHistory<std::string> asked("start");
  asked.add(1, "a");
  asked.add(2, "b");
  asked.add(3, "c");
  EXPECT_FALSE(asked.follow({.current = 3, .prepared = 1, .applied = 0}));
  EXPECT_FALSE(asked.follow({.current = 2, .prepared = 1, .applied = 0})) << "never prepared";
  EXPECT_TRUE(asked.follow({.current = 1, .prepared = 1, .applied = 0}));
  EXPECT_EQ(asked.now(), "a");
  asked.add(4, "d");
  EXPECT_FALSE(asked.follow({.current = 4, .prepared = 4, .applied = 4}));
  EXPECT_FALSE(asked.follow({})) << "what is forgotten cannot come back";
  EXPECT_EQ(asked.now(), "d");
}

}  // namespace
}  // namespace streamdiffusion::settings
