// Which sessions share a call: as many as it pays for.
#include "session/row_costs.h"

#include <gtest/gtest.h>

#include <vector>

#include "session/row_pool.h"

namespace streamdiffusion::session {
namespace {

/// `fixed` seconds a call and one second a row.
struct Costs : RowCosts {
  explicit Costs(double fixed) {
    for (const int rows : {1, 2, 3, 4}) set_alone(rows, fixed + rows);
    for (const int seats : {2, 3, 4, 6, 8}) set_shared(seats, fixed + seats);
  }
};

constexpr int kSizes[]{2, 3, 4, 6, 8};

TEST(RowCosts, WithoutCostsAsManyShareAsFit) {
  const std::vector<int> rows{2, 1, 4, 3};
  const RowShare share = choose_share(rows, kSizes, nullptr);
  EXPECT_EQ(share.members, 3U);
  EXPECT_EQ(share.seats, 8);
}

TEST(RowCosts, NobodySharesWithNobody) {
  EXPECT_EQ(choose_share(std::vector{2}, kSizes, nullptr).members, 0U);
  EXPECT_EQ(choose_share(std::vector{4, 8}, kSizes, nullptr).members, 0U);
  EXPECT_EQ(choose_share(std::vector{1, 1}, {}, nullptr).members, 0U);
}

TEST(RowCosts, RowsThatCostTheSameTogetherTakeTurns) {
  const Costs costs(0);
  EXPECT_EQ(choose_share(std::vector{1, 1, 1, 1}, kSizes, &costs).members, 0U);
}

TEST(RowCosts, AllShareWhereACallCostsMuchWhateverItsRows) {
  const Costs costs(3);
  const RowShare share = choose_share(std::vector{1, 1, 1, 1}, kSizes, &costs);
  EXPECT_EQ(share.members, 4U);
  EXPECT_EQ(share.seats, 4);
}

TEST(RowCosts, EmptySeatsMayCostMoreThanAnotherMemberGains) {
  Costs costs(1);
  costs.set_shared(4, 2.5);
  costs.set_shared(6, 9);
  const RowShare share = choose_share(std::vector{2, 2, 1}, kSizes, &costs);
  EXPECT_EQ(share.members, 2U);  // 6 s become 2.5, and 8 s would become 9
  EXPECT_EQ(share.seats, 4);
}

TEST(RowCosts, ACallIsSharedWhereItEndsNoLaterThanTurnsDoOnAverage) {
  RowCosts costs;
  costs.set_alone(1, 1);
  costs.set_shared(2, 1.6);  // on average turns end after 1.5 s
  EXPECT_NEAR(costs.saved_wait(std::vector{1, 1}, 2).value(), -0.2, 1e-9);
  EXPECT_EQ(choose_share(std::vector{1, 1}, kSizes, &costs).members, 0U);
  costs.set_shared(2, 1.4);
  EXPECT_EQ(choose_share(std::vector{1, 1}, kSizes, &costs).members, 2U);
  costs.set_shared(4, 2.6);  // four turns after 2.5 s
  EXPECT_EQ(choose_share(std::vector{1, 1, 1, 1}, kSizes, &costs).members, 2U);
}

TEST(RowCosts, WhatWasNotMeasuredDoesNotPay) {
  Costs costs(3);
  EXPECT_EQ(choose_share(std::vector{5, 1}, kSizes, &costs).members, 0U);
  EXPECT_FALSE(costs.saved_wait(std::vector{1, 1}, 16).has_value());
}

TEST(RowPool, TheLargestCallHasTheRowsThatWereAskedFor) {
  EXPECT_EQ(RowPool::sizes(16), (std::vector{2, 3, 4, 6, 8, 12, 16}));
  EXPECT_EQ(RowPool::sizes(5), (std::vector{2, 3, 4, 5}));
  EXPECT_EQ(RowPool::sizes(2), (std::vector{2}));
  EXPECT_EQ(RowPool::sizes(64).back(), 64);
}

}  // namespace
}  // namespace streamdiffusion::session
