// Times of decoded frames, where containers give few of them or none.
#include "media/frame_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace streamdiffusion::media {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kNone = AV_NOPTS_VALUE;

struct Decoded {
  std::int64_t pts, duration;
};

/// The times of frames in milliseconds, of a source with so many frames a second.
std::vector<std::int64_t> times(FrameTimes times, const std::vector<Decoded>& frames) {
  std::vector<std::int64_t> out;
  for (const Decoded& decoded : frames) {
    const AvFrame frame(av_frame_alloc());
    frame->best_effort_timestamp = decoded.pts;
    frame->pkt_duration = decoded.duration;
    out.push_back(times.next(*frame));
  }
  return out;
}

const FrameTimes kTenASecond({1, 1000}, {10, 1}), kUnknownRate({1, 1000}, {0, 1});

TEST(FrameTimes, BeginAtZeroAndStayInOrder) {
  EXPECT_THAT(times(kTenASecond, {{500, 0}, {600, 0}, {550, 0}, {900, 0}}),
              ElementsAre(0, 100, 101, 400));
}

TEST(FrameTimes, WithoutAnyFollowTheDurationsOrTheRate) {
  EXPECT_THAT(times(kTenASecond, {{kNone, 40}, {kNone, 40}, {kNone, 0}, {kNone, 0}}),
              ElementsAre(0, 40, 80, 180));
  EXPECT_THAT(times(kUnknownRate, {{kNone, 0}, {kNone, 0}}), ElementsAre(0, 1));
}

TEST(FrameTimes, WithoutTheFirstGoOnWhereItsDurationEnds) {
  EXPECT_THAT(times(kTenASecond, {{kNone, 0}, {kNone, 0}, {7000, 0}, {7100, 0}, {kNone, 0}}),
              ElementsAre(0, 100, 200, 300, 400));
}

TEST(FrameTimes, CountFromTheStartThatIsSet) {
  FrameTimes later = kTenASecond;
  later.start_at(1000);
  EXPECT_THAT(times(later, {{1500, 0}, {1600, 0}}), ElementsAre(500, 600));
}

TEST(FrameTimes, OfALyingContainerDoNotOverflow) {
  constexpr std::int64_t kLast = INT64_MAX - 1;
  const auto all = times(kTenASecond, {{INT64_MIN + 1, 0}, {kLast, kLast}, {kNone, 0}, {kLast, 0}});
  EXPECT_EQ(all.front(), 0);
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_GE(all[i], all[i - 1]);
}

}  // namespace
}  // namespace streamdiffusion::media
