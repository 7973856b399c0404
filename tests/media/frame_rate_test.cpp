// Sources at a constant rate, and what becomes of times that cannot be meant.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "media/frame_sink.h"
#include "media/frame_source.h"
#include "support/clips.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

/// A clip of numbered frames at these times, in tenths of a second.
std::string clip_at(const TemporaryFolder& folder, const std::string& name,
                    const std::vector<std::int64_t>& times) {
  const auto sink =
      open_sink(folder / name, {.width = 64, .height = 48, .time_base = {1, 10}, .rate = {10, 1}});
  write_clip(*sink, 64, 48, times);
  return folder / name;
}

TEST(FrameRate, ComesAtAChosenRate) {
  const TemporaryFolder folder;
  const std::string path = clip_at(folder, "a.mkv", steady(10));
  const auto half = at_rate(open_source(path), {5, 1});
  EXPECT_EQ(half->info().frames, 5U);
  const Seen fewer = read_all(*half);
  EXPECT_THAT(fewer.numbers, ElementsAre(0, 2, 4, 6, 8));
  EXPECT_THAT(fewer.pts, ElementsAre(0, 1, 2, 3, 4));
  const Seen more = read_all(*at_rate(open_source(path), {20, 1}));
  EXPECT_EQ(more.numbers.size(), 20U);
  EXPECT_EQ(more.numbers[5], 2);
}

/// What at_rate() makes of frames at these times in milliseconds, and what it says.
std::pair<std::vector<std::int64_t>, std::string> resampled(const std::vector<std::int64_t>& times,
                                                            Rational rate, std::int64_t last = 0) {
  class Times final : public FrameSource {
   public:
    Times(std::vector<std::int64_t> times, std::int64_t last) : times_(times), last_(last) {
      info_.name = "times";
    }
    const SourceInfo& info() const override { return info_; }
    std::optional<Frame> read() override {
      if (next_ == times_.size()) return std::nullopt;
      const std::int64_t duration = next_ + 1 == times_.size() ? last_ : 0;
      return Frame{.number = next_ + 1, .pts = times_[next_++], .duration = duration};
    }
    void interrupt() override {}

   private:
    SourceInfo info_;
    std::vector<std::int64_t> times_;
    std::int64_t last_;
    std::size_t next_ = 0;
  };
  std::string said;
  base::set_log_callback([&](base::LogLevel, std::string_view text) { said += text; });
  const auto source = at_rate(std::make_unique<Times>(times, last), rate);
  std::vector<std::int64_t> ticks;
  while (const auto frame = source->read()) {
    ticks.push_back(frame->pts);
    if (ticks.size() > 100'000) break;
  }
  base::set_log_callback({});
  return {ticks, said};
}

TEST(FrameRate, ASourceThatBeginsLaterLeavesNoLongerGap) {
  EXPECT_EQ(resampled({100, 200, 300}, {4, 1}).first.front(), 0) << "at 0 s, before 0.1 s";
  EXPECT_EQ(resampled({600, 700}, {2, 1}).first.front(), 1) << "at 0.5 s, before 0.6 s";
  EXPECT_EQ(resampled({500, 700}, {2, 1}).first.front(), 1);
}

TEST(FrameRate, AJumpOfTheTimesIsNotFilledWithRepeatedFrames) {
  constexpr std::int64_t kDay = 86'400'000, kFarthest = std::int64_t{1} << 60;
  const auto [day, said] = resampled({0, 100, kDay, kDay + 100, 3 * kDay}, {10, 1});
  EXPECT_THAT(day, ElementsAre(0, 1, kDay / 100, kDay / 100 + 1, 3 * kDay / 100));
  EXPECT_THAT(said, HasSubstr("times: frame 2 would be shown for 86399.9 s; a frame is repeated"));
  EXPECT_EQ(said.find("would", said.find("would") + 1), std::string::npos) << "said once: " << said;
  for (const Rational rate : {Rational{10, 1}, Rational{1000, 1}, Rational{1, 1000}}) {
    EXPECT_LT(resampled({0, kFarthest}, rate, kFarthest).first.size(), 4U) << rate.numerator;
    EXPECT_LT(resampled({0, 1, 2}, rate, kFarthest).first.size(), 4U) << rate.numerator;
  }
  const auto [slides, nothing] = resampled({0, kLongestRepeat * 1000}, {10, 1});
  EXPECT_EQ(slides.size(), 10U * kLongestRepeat + 1);
  EXPECT_EQ(nothing, "");
}

TEST(FrameRate, AFileWithAJumpOfItsTimesEnds) {
  const TemporaryFolder folder;
  for (const char* name : {"a.mkv", "a.mp4"}) {
    const std::string path = clip_at(folder, name, {0, 1, 2, 864'000, 864'001});
    const Seen seen = read_all(*at_rate(open_source(path), {25, 1}));
    EXPECT_LT(seen.pts.size(), 20U) << name;
    EXPECT_NEAR(static_cast<double>(seen.pts.back()), 864'001 * 2.5, 3) << name;
    EXPECT_EQ(seen.numbers.back(), 4) << name;
  }
}

}  // namespace
}  // namespace streamdiffusion::media
