// What the sinks write, read back by the sources.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "media/frame_sink.h"
#include "media/frame_source.h"
#include "support/clips.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {
namespace {

using streamdiffusion::testing::error_of;
using streamdiffusion::testing::TemporaryFolder;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

const std::vector<int> kTwelve{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

/// Presentation times in seconds, rounded to milliseconds: containers choose their own units.
std::vector<int> milliseconds(const Seen& seen, const SourceInfo& info) {
  std::vector<int> times;
  for (const std::int64_t pts : seen.pts) {
    times.push_back(
        static_cast<int>(1000.0 * static_cast<double>(pts) * info.time_base.value() + 0.5));
  }
  return times;
}

struct SinkCase {
  const char* name;
  const char* codec;
  int width, height;
};

class SinkFile : public ::testing::TestWithParam<SinkCase> {};

TEST_P(SinkFile, ComesBackWholeInOrderAndInTime) {
  const TemporaryFolder folder;
  const auto [name, codec, width, height] = GetParam();
  const std::string path = folder / name;
  const SinkOptions options{
      .width = width, .height = height, .time_base = {1, 20}, .rate = {20, 1}, .codec = codec};
  const auto sink = open_sink(path, options);
  EXPECT_EQ(sink->note(), "");
  write_clip(*sink, width, height, steady(12));
  const auto source = open_source(path);
  EXPECT_FALSE(source->info().live);
  EXPECT_EQ(source->info().width, width);
  EXPECT_EQ(source->info().height, height);
  EXPECT_NEAR(source->info().rate.value(), 20, 0.01);
  const Seen seen = read_all(*source);
  EXPECT_THAT(seen.numbers, ElementsAreArray(kTwelve));
  EXPECT_THAT(seen.sizes, Each(std::pair(width, height)));
  EXPECT_THAT(milliseconds(seen, source->info()),
              ElementsAre(0, 50, 100, 150, 200, 250, 300, 350, 400, 450, 500, 550));
}

INSTANTIATE_TEST_SUITE_P(
    Containers, SinkFile,
    ::testing::Values(SinkCase{"a.mp4", "", 64, 48}, SinkCase{"a.mov", "", 64, 48},
                      SinkCase{"a.mkv", "", 64, 48}, SinkCase{"a.webm", "", 64, 48},
                      SinkCase{"a8.webm", "vp8", 64, 48}, SinkCase{"a.gif", "", 64, 48},
                      SinkCase{"odd.mp4", "", 51, 37}, SinkCase{"odd.webm", "", 51, 37},
                      SinkCase{"odd8.webm", "vp8", 51, 37}, SinkCase{"odd.gif", "", 51, 37}),
    [](const auto& test) {
      std::string name = test.param.name;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

TEST(Sink, KeepsAVariableRate) {
  const TemporaryFolder folder;
  const std::vector<std::int64_t> pts{0, 40, 50, 500, 510, 1200, 1230};
  for (const char* name : {"v.mp4", "v.mkv", "v.webm", "v.gif"}) {
    const auto sink = open_sink(
        folder / name, {.width = 64, .height = 48, .time_base = {1, 1000}, .rate = {25, 1}});
    write_clip(*sink, 64, 48, pts);
    const auto source = open_source(folder / name);
    const Seen seen = read_all(*source);
    if (std::string(name) == "v.gif") {  // which shows nothing for less than 20 ms
      EXPECT_THAT(milliseconds(seen, source->info()), ElementsAre(0, 40, 500, 1200, 1230));
    } else {
      EXPECT_THAT(milliseconds(seen, source->info()), ElementsAre(0, 40, 50, 500, 510, 1200, 1230))
          << name;
    }
  }
}

TEST(Sink, CopiesTheSoundWhereTheContainerHoldsIt) {
  const TemporaryFolder folder;
  const auto talkie = open_source(
      "lavfi:testsrc=size=64x48:rate=10:duration=2[out0];sine=frequency=440:duration=2[out1]");
  ASSERT_NE(talkie->extras().sound(), nullptr);
  const auto copy = [](FrameSource& source, const std::string& path) {
    const auto sink = open_sink(path, {.width = 64,
                                       .height = 48,
                                       .time_base = source.info().time_base,
                                       .rate = source.info().rate,
                                       .extras = source.extras()});
    while (const auto frame = source.read()) sink->write(frame->image(), frame->pts, 0);
    sink->finish();
    return sink->note();
  };
  EXPECT_EQ(copy(*talkie, folder / "a.mkv"), "");
  const auto first = open_source(folder / "a.mkv");
  ASSERT_NE(first->extras().sound(), nullptr);
  EXPECT_EQ(copy(*first, folder / "b.mov"), "");
  const auto second = open_source(folder / "b.mov");
  ASSERT_NE(second->extras().sound(), nullptr);
  EXPECT_EQ(second->extras().sound()->codec(), "pcm_s16le");
  EXPECT_EQ(read_all(*second).pts.size(), 20U);
  EXPECT_NEAR(first->extras().sound()->seconds(), 2, 0.03);
  EXPECT_NEAR(second->extras().sound()->seconds(), first->extras().sound()->seconds(), 0.001);
  const auto third = open_source(folder / "b.mov");
  EXPECT_THAT(copy(*third, folder / "c.mp4"), HasSubstr("left out: the sound (pcm_s16le)"));
  EXPECT_EQ(open_source(folder / "c.mp4")->extras().sound(), nullptr);
}

TEST(Sink, CopiesTheSoundOfAnAviIntoMatroska) {
  const TemporaryFolder folder;
  for (const char* name : {"a.mkv", "a.webm"}) {
    const auto source = open_source(SD_TEST_DATA_DIR "/media/wav_codecs.avi");
    const auto sink = open_sink(folder / name, {.width = 64,
                                                .height = 48,
                                                .time_base = source->info().time_base,
                                                .rate = source->info().rate,
                                                .extras = source->extras()});
    while (const auto frame = source->read()) sink->write(frame->image(), frame->pts, 0);
    sink->finish();
    std::string held;
    for (const auto& track : open_source(folder / name)->extras().tracks) held += track->name();
    const bool web = std::string(name) == "a.webm";
    EXPECT_EQ(held, web ? "" : "the sound (wmav2)the sound (adpcm_ms)") << name;
    EXPECT_THAT(sink->note(), web ? HasSubstr("left out: the sound (wmav2)") : HasSubstr(""));
    EXPECT_EQ(sink->note().empty(), !web) << sink->note();
  }
}

TEST(Sink, CopiesTheAacOfABroadcastIntoAnMp4) {
  const TemporaryFolder folder;
  const auto source = open_source(SD_TEST_DATA_DIR "/media/adts.ts");
  ASSERT_NE(source->extras().sound(), nullptr);
  const auto sink = open_sink(folder / "a.mp4", {.width = 32,
                                                 .height = 32,
                                                 .time_base = source->info().time_base,
                                                 .rate = source->info().rate,
                                                 .extras = source->extras()});
  while (const auto frame = source->read()) sink->write(frame->image(), frame->pts, 0);
  sink->finish();
  const auto copy = open_source(folder / "a.mp4");
  ASSERT_NE(copy->extras().sound(), nullptr);
  EXPECT_EQ(copy->extras().sound()->codec(), "aac");
  EXPECT_EQ(read_all(*copy).pts.size(), 10U);
  EXPECT_GT(copy->extras().sound()->seconds(), 0.9);
  EXPECT_NEAR(copy->extras().sound()->seconds(), source->extras().sound()->seconds(), 0.002);
}

TEST(Sink, AnMp4ThatWasNeverFinishedPlays) {
  const TemporaryFolder folder;
  const auto sink = open_sink(folder / "a.mp4",
                              {.width = 64, .height = 48, .time_base = {1, 10}, .rate = {10, 1}});
  for (int i = 0; i < 100; ++i) sink->write(numbered_image(64, 48, i % 16), i, 1);
  std::filesystem::copy_file(folder / "a.mp4", folder / "killed.mp4");  // as a kill leaves it
  const auto source = open_source(folder / "killed.mp4");
  EXPECT_GE(read_all(*source).numbers.size(), 10U);
}

TEST(Sink, AFolderGetsNumberedImages) {
  const TemporaryFolder folder;
  const auto sink = open_sink(folder / "deep/out", {.width = 32, .height = 24});
  write_clip(*sink, 32, 24, steady(11));
  EXPECT_TRUE(std::filesystem::exists(folder / "deep/out/000010.png"));
  const auto source = open_source(folder / "deep/out");
  EXPECT_EQ(source->info().frames, 11U);
  EXPECT_THAT(read_all(*source).numbers, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
}

TEST(Sink, PipesCarryY4mAndRawFrames) {
  for (const char* format : {"y4m", "rgb24"}) {
    std::FILE* file = std::tmpfile();
    const auto sink = open_descriptor_sink(
        ::fileno(file), "pipe",
        {.width = 35, .height = 21, .time_base = {1, 12}, .rate = {12, 1}, .format = format});
    write_clip(*sink, 35, 21, steady(5));
    std::rewind(file);
    const auto source = open_descriptor_source(
        ::fileno(file), "pipe", {.rate = {12, 1}, .width = 35, .height = 21, .format = format});
    EXPECT_EQ(source->info().rate, (Rational{12, 1})) << format;
    EXPECT_THAT(read_all(*source).numbers, ElementsAre(0, 1, 2, 3, 4)) << format;
    std::fclose(file);
  }
}

TEST(Sink, AReaderThatGoesAwayIsAnError) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto sink = open_descriptor_sink(ends[1], "pipe", {.width = 64, .height = 48});
  ::close(ends[0]);
  const auto write = [&] { write_clip(*sink, 64, 48, steady(5)); };
  EXPECT_EQ(error_of(write), "pipe: writing frame 1: the reader is gone");
  ::close(ends[1]);
}

TEST(Sink, AReaderThatDoesNotReadCanBeGivenUp) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto sink = open_descriptor_sink(ends[1], "pipe", {.width = 256, .height = 256});
  sink->interrupt();
  EXPECT_THROW(write_clip(*sink, 256, 256, steady(5)), Error);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Sink, WhatCannotBeWrittenIsNamed) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  const SinkOptions options{.width = 64, .height = 48};
  const auto open = [&](const std::string& output) {
    return error_of([&] { open_sink(output, options); });
  };
  EXPECT_THAT(open(folder / "file/a.mp4"), HasSubstr("file: is a file, expected a folder"));
  EXPECT_THAT(open(folder / "file/images"), HasSubstr("file: is a file, expected a folder"));
  EXPECT_THAT(open("/proc/a.mp4"), HasSubstr("/proc/a.mp4: cannot write"));
  EXPECT_THAT(open("/dev/video99"), HasSubstr("/dev/video99: opening: libav says"));
  EXPECT_THAT(open("a.xyz"), HasSubstr("the extension .xyz is not known, expected .mp4"));
  EXPECT_THAT(open("a.png"), HasSubstr("give a folder"));
  EXPECT_THAT(open("http://localhost/a"), HasSubstr("cannot be written to"));
  EXPECT_THAT(open("rtmp://127.0.0.1:9/a"), HasSubstr("rtmp://127.0.0.1:9/a: opening: libav says"));
  EXPECT_THAT(open("RTMP://127.0.0.1:9/a"), HasSubstr("RTMP://127.0.0.1:9/a: opening: libav says"));
  std::filesystem::create_symlink("/dev/full", folder / "full.webm");
  EXPECT_THAT(error_of([&] {
                const auto sink = open_sink(folder / "full.webm", options);
                write_clip(*sink, 64, 48, steady(200));
              }),
              HasSubstr("No space left"));
}

TEST(Sink, TheWindowTakesImagesAndGoesAway) {
  ::setenv("SDL_VIDEODRIVER", "dummy", 1);
  for (const char* output : {"window", "window:1"}) {
    const auto sink = open_sink(output, {.width = 64, .height = 48});
    EXPECT_FALSE(sink->closed());
    write_clip(*sink, 64, 48, steady(3));
    EXPECT_FALSE(sink->closed());
  }
  ::setenv("SDL_VIDEODRIVER", "none", 1);
  EXPECT_THAT(error_of([] { open_sink("window", {.width = 64, .height = 48}); }),
              HasSubstr("window: cannot be opened: SDL says"));
  ::unsetenv("SDL_VIDEODRIVER");
}

TEST(Sink, KnowsWhatIsWatchedLive) {
  for (const char* output : {"window", "/dev/video3", "rtmp://host/a", "udp://host:1"}) {
    EXPECT_TRUE(is_live_output(output)) << output;
  }
  for (const char* output : {"a.mp4", "out", "-", "out/", "a.gif"}) {
    EXPECT_FALSE(is_live_output(output)) << output;
  }
}

}  // namespace
}  // namespace streamdiffusion::media
