// What stands beside the images: whether copies keep it, whole and at its time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "media/fed_pipe.h"
#include "media/frame_sink.h"
#include "media/frame_source.h"
#include "media/track_queue.h"
#include "support/clips.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {
namespace {

using namespace streamdiffusion::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Copies what a source holds beside images of its own; returns the sink's note.
std::string copy(FrameSource& source, const std::string& to, double end = 0) {
  const auto sink = open_sink(to, {.width = 32,
                                   .height = 32,
                                   .time_base = source.info().time_base,
                                   .rate = source.info().rate,
                                   .extras = source.extras(),
                                   .end = end});
  while (const auto frame = source.read()) {
    const double time = static_cast<double>(frame->pts) * source.info().time_base.value();
    if (end > 0 && time >= end) break;
    sink->write(frame->image(), frame->pts, frame->duration);
  }
  sink->finish();
  return sink->note();
}

std::vector<std::string> names_of(const Extras& extras) {
  std::vector<std::string> names;
  for (const auto& track : extras.tracks) names.push_back(track->name());
  return names;
}

/// In seconds.
struct StreamTimes {
  double first_image = 0;
  /// Begin and end of each packet of the first track.
  std::vector<std::pair<double, double>> packets;
};

StreamTimes times_of(const std::string& path) {
  const auto source = open_source(path);
  const Extras extras = source->extras();
  extras.tracks.front()->hold();
  StreamTimes times;
  times.first_image =
      static_cast<double>(read_all(*source).pts.front()) * source->info().time_base.value();
  Track::Queue& queue = extras.tracks.front()->queue();
  const AVRational base = queue.time_base();
  while (const AvPacket packet = queue.pop(std::numeric_limits<std::int64_t>::max(), base)) {
    const double begin = static_cast<double>(packet->pts) * av_q2d(base);
    times.packets.emplace_back(begin, begin + static_cast<double>(packet->duration) * av_q2d(base));
  }
  return times;
}

TEST(Extras, OpusStaysInStepWithTheImages) {
  const TemporaryFolder folder;
  const StreamTimes original = times_of(kData + "opus.webm");
  for (const char* name : {"a.mkv", "a.webm", "a.mp4"}) {
    copy(*open_source(kData + "opus.webm"), folder / name);
    const StreamTimes copied = times_of(folder / name);
    EXPECT_NEAR(copied.packets[0].first - copied.first_image,
                original.packets[0].first - original.first_image, 0.0015)
        << name;
  }
}

TEST(Extras, ImagesThatBeginBehindTheSoundKeepTheirTime) {
  const TemporaryFolder folder;
  copy(*open_source(kData + "late.mp4"), folder / "a.mp4");
  EXPECT_NEAR(times_of(kData + "late.mp4").first_image, 1 / 15.0, 1e-5);
  EXPECT_NEAR(times_of(folder / "a.mp4").first_image, 1 / 15.0, 1e-4);
}

TEST(Extras, EndWithTheImages) {
  const TemporaryFolder folder;
  for (const char* name : {"a.mp4", "a.mov"}) {
    copy(*open_source(kData + "chapters.mp4"), folder / name, 2.7);
    const Extras extras = open_source(folder / name)->extras();
    ASSERT_EQ(extras.chapters.size(), 3U);
    const Chapter& last = extras.chapters.back();
    EXPECT_NEAR(static_cast<double>(last.end) * last.time_base.value(), 2.7, 0.05) << name;
    for (const auto& [begin, end] : times_of(folder / name).packets) EXPECT_LE(end, 2.71) << name;
    copy(*open_source(kData + "chapters.mp4"), folder / name, 1.5);
    EXPECT_EQ(open_source(folder / name)->extras().chapters.size(), 2U);
  }
}

TEST(Extras, AttachmentsOfEveryKindAreCopiedOrNamed) {
  const TemporaryFolder folder;
  const auto names = ElementsAre("the attachment (notes.txt)", "the attachment (cover.jpg)");
  EXPECT_THAT(names_of(open_source(kData + "attached.mkv")->extras()), names);
  EXPECT_EQ(copy(*open_source(kData + "attached.mkv"), folder / "a.mkv"), "");
  const auto copied = open_source(folder / "a.mkv");
  EXPECT_THAT(names_of(copied->extras()), names);
  const AVCodecParameters& text = copied->extras().tracks[0]->queue().parameters();
  EXPECT_EQ(std::string(text.extradata, text.extradata + text.extradata_size), "a text");
  EXPECT_EQ(read_all(*copied).pts.size(), 3U);
  EXPECT_THAT(copy(*open_source(kData + "attached.mkv"), folder / "a.mp4"),
              HasSubstr("left out: the attachment (notes.txt), the attachment (cover.jpg)"));
}

TEST(Extras, TheTitlesOfChaptersAreNoSubtitles) {
  const TemporaryFolder folder;
  const auto file = open_source(kData + "chapters.mp4");
  EXPECT_EQ(file->extras().chapters.size(), 3U);
  EXPECT_THAT(names_of(file->extras()), ElementsAre("the subtitles (mov_text)"));
  const FedPipe pipe(bytes_of(kData + "chapters.mp4"));
  const auto source = open_descriptor_source(pipe.end(), "a pipe", {});
  EXPECT_THAT(names_of(source->extras()), ElementsAre("the subtitles (mov_text)"));
  EXPECT_THAT(
      source->extras().not_copied,
      ElementsAre(HasSubstr("the chapters (a track of texts, which can be read from a file")));

  copy(*open_source(kData + "tracks.mkv"), folder / "a.mp4");  // has them in its header as well
  const FedPipe known(bytes_of(folder / "a.mp4"));
  const Extras extras = open_descriptor_source(known.end(), "a pipe", {})->extras();
  EXPECT_EQ(extras.chapters.size(), 2U);
  EXPECT_THAT(extras.not_copied, IsEmpty());
  EXPECT_TRUE(std::none_of(extras.tracks.begin(), extras.tracks.end(), [](const auto& track) {
    return track->kind() == Track::Kind::subtitles;
  }));
}

}  // namespace
}  // namespace streamdiffusion::media
