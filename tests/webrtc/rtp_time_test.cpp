// The marks of images in their RTP times.
#include "webrtc/rtp_time.h"

#include <gtest/gtest.h>

namespace streamdiffusion::webrtc {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

TEST(RtpTimes, TheLowBitsAreTheMarkAndTheTimeIsClose) {
  RtpTimes times;
  for (int image = 0; image < 1000; ++image) {
    const auto mark = static_cast<std::uint8_t>(image * 7);
    const std::uint64_t now = static_cast<std::uint64_t>(image) * 33 * kMillisecond;
    const std::uint64_t time = times.next(now, mark);
    EXPECT_EQ(time & 0xffU, mark);
    EXPECT_GE(nanoseconds_of(time) + kMillisecond / 10, now);
    EXPECT_LT(nanoseconds_of(time), now + 3 * kMillisecond);
  }
}

TEST(RtpTimes, TheyGrowWhereImagesComeAtOnce) {
  RtpTimes times;
  std::uint64_t last = times.next(0, 9);
  for (const int mark : {9, 9, 8, 10, 255, 0, 0}) {
    const std::uint64_t time = times.next(0, static_cast<std::uint8_t>(mark));
    EXPECT_GT(time, last);
    EXPECT_EQ(time & 0xffU, static_cast<std::uint64_t>(mark));
    last = time;
  }
}

TEST(RtpTimes, NanosecondsAreTheSameTimeAgain) {
  for (const std::uint64_t time : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{255},
                                   std::uint64_t{89999}, std::uint64_t{1} << 40U}) {
    const std::uint64_t nanoseconds = nanoseconds_of(time);
    const std::uint64_t seconds = nanoseconds / 1'000'000'000, rest = nanoseconds % 1'000'000'000;
    EXPECT_EQ(seconds * kRtpRate + rest * kRtpRate / 1'000'000'000, time);
  }
}

}  // namespace
}  // namespace streamdiffusion::webrtc
