// The bitrate follows what a receiver reports.
#include "webrtc/bitrate.h"

#include <gtest/gtest.h>

namespace streamdiffusion::webrtc {
namespace {

TEST(Bitrate, GrowsWithoutLossUpToItsLimit) {
  BitrateController control(1'000'000, 100'000, 3'000'000);
  EXPECT_EQ(control.report(0, 0.02), 1'080'000);
  for (int i = 0; i < 40; ++i) control.report(0.01, 0.02);
  EXPECT_EQ(control.bits(), 3'000'000);
}

TEST(Bitrate, IsCutByHalfOfAHeavyLoss) {
  BitrateController control(1'000'000, 100'000, 3'000'000);
  EXPECT_EQ(control.report(0.05, 0.02), 1'000'000);
  EXPECT_EQ(control.report(0.2, 0.02), 900'000);
  for (int i = 0; i < 40; ++i) control.report(0.5, 0.02);
  EXPECT_EQ(control.bits(), 100'000);
}

TEST(Bitrate, IsCutWhilePacketsQueue) {
  BitrateController control(1'000'000, 100'000, 3'000'000);
  control.report(0.05, 0.05);
  EXPECT_EQ(control.report(0, 0.3), 850'000);
  EXPECT_EQ(control.report(0, 0.06), 918'000);
}

TEST(Bitrate, ALongerRouteIsGottenUsedTo) {
  BitrateController control(1'000'000, 100'000, 3'000'000);
  control.report(0, 0.02);
  std::int64_t before = control.bits();
  for (int i = 0; i < 2000; ++i) before = control.report(0, 0.25);
  EXPECT_EQ(before, 3'000'000);
}

TEST(Bitrate, SenselessReportsKeepItWithinItsLimits) {
  BitrateController control(1'000'000, 100'000, 3'000'000);
  EXPECT_GE(control.report(-5, -1), 100'000);
  EXPECT_GE(control.report(7, 1e9), 100'000);
}

}  // namespace
}  // namespace streamdiffusion::webrtc
