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
  EXPECT_FALSE(asked.follow(2, true));
  EXPECT_TRUE(asked.follow(1, false)) << "2 was taken back";
  EXPECT_EQ(asked.now(), "a");
  EXPECT_FALSE(asked.follow(0, false)) << "1 holds, so what was before it is forgotten";
  EXPECT_EQ(asked.now(), "a");
  asked.add(3, "c");
  asked.add(4, "d");
  EXPECT_TRUE(asked.follow(1, true)) << "kept while others are prepared";
  EXPECT_EQ(asked.now(), "a");
}

}  // namespace
}  // namespace streamdiffusion::settings
