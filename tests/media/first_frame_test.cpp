// Sources whose first image is seen before their frames are used.
#include "media/first_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "media/frame_sink.h"
#include "support/clips.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {
namespace {

using namespace streamdiffusion::testing;
using ::testing::HasSubstr;

/// Frames of one pixel, numbered from 1; the first ones cannot be converted.
class SomeFrames final : public FrameSource {
 public:
  SomeFrames(int frames, int bad) : frames_(frames), bad_(bad) { info_.name = "frames"; }
  const SourceInfo& info() const override { return info_; }
  void interrupt() override {}
  std::optional<Frame> read() override {
    if (read_ == frames_) return std::nullopt;
    Frame frame;
    frame.number = static_cast<std::uint64_t>(++read_);
    frame.image = [bad = read_ <= bad_] {
      if (bad) base::fail(ErrorCode::corrupt_file, "a bad one");
      return Image{1, 1, {1, 2, 3}};
    };
    return frame;
  }

 private:
  SourceInfo info_;
  int frames_, bad_, read_ = 0;
};

TEST(FirstFrame, EveryFrameStillComesInOrder) {
  for (const int bad : {0, 1, 3, 20}) {
    const auto source = with_first_frame(std::make_unique<SomeFrames>(25, bad));
    for (std::uint64_t i = 1; i <= 25; ++i) {
      const auto frame = source->read();
      ASSERT_TRUE(frame);
      EXPECT_EQ(frame->number, i);
      if (i > static_cast<std::uint64_t>(bad)) {
        EXPECT_EQ(frame->image().rgb.size(), 3U);
      } else {
        EXPECT_THROW(frame->image(), Error);
      }
    }
    EXPECT_FALSE(source->read());
  }
}

TEST(FirstFrame, WithoutAnyThereIsNoSource) {
  EXPECT_EQ(error_of([] { with_first_frame(std::make_unique<SomeFrames>(1, 1)); }), "a bad one");
  EXPECT_EQ(error_of([] { with_first_frame(std::make_unique<SomeFrames>(3, 3)); }),
            "frames: no frame could be drawn");
}

TEST(FirstFrame, TheSoundThatComesBeforeItIsCopiedToo) {
  const TemporaryFolder folder;
  const auto copy = [](FrameSource& source, const std::string& path, bool with_sound) {
    const auto sink =
        open_sink(path, {.width = 64,
                         .height = 48,
                         .time_base = source.info().time_base,
                         .rate = source.info().rate,
                         .extras = with_sound ? source.extras() : source.extras().without_sound()});
    while (const auto frame = source.read()) sink->write(frame->image(), frame->pts, 0);
    sink->finish();
  };
  const auto talkie = open_source(
      "lavfi:testsrc=size=64x48:rate=10:duration=2[out0];sine=frequency=440:duration=2[out1]");
  copy(*talkie, folder / "a.mkv", true);
  for (const bool with_sound : {true, false}) {
    const auto source = with_first_frame(open_source(folder / "a.mkv"));
    const double read = source->extras().sound()->seconds();
    EXPECT_GT(read, 0) << "there is sound before it";
    copy(*source, folder / "b.mkv", with_sound);
    const auto copied = open_source(folder / "b.mkv");
    EXPECT_EQ(copied->extras().sound() != nullptr, with_sound);
    if (!with_sound) continue;
    read_all(*copied);
    EXPECT_DOUBLE_EQ(copied->extras().sound()->seconds(), source->extras().sound()->seconds());
  }
}

TEST(FirstFrame, PipesAndAddressesAreNotWaitedFor) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  folder.write("a.mp4", "");
  for (const std::string& input : {folder / "pipe", std::string("-"), std::string("/dev/null"),
                                   std::string("rtsp://127.0.0.1/a")}) {
    EXPECT_FALSE(has_frames_at_once(input)) << input;
  }
  for (const std::string& input : {folder / "a.mp4", folder / ".", folder / "*.png"}) {
    EXPECT_TRUE(has_frames_at_once(input)) << input;
  }
}

}  // namespace
}  // namespace streamdiffusion::media
