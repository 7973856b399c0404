// What stays, what is replaced, and what an output says about what it cannot hold.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/log.h"
#include "base/written_files.h"
#include "image/image_sequence.h"
#include "media/frame_sink.h"
#include "media/frame_source.h"
#include "support/blocking_thread.h"
#include "support/clips.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {
namespace {

using namespace streamdiffusion::testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
namespace fs = std::filesystem;

const SinkOptions kSmall{.width = 32, .height = 32, .time_base = {1, 10}, .rate = {10, 1}};

/// But for the list of the program's own.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    if (name != base::WrittenFiles::kListName) names.push_back(std::move(name));
  }
  return names;
}

/// Copies `path` with everything that it holds; returns the sink's note.
std::string copy(const std::string& from, const std::string& to) {
  const auto source = open_source(from);
  SinkOptions options = kSmall;
  options.time_base = source->info().time_base;
  options.rate = source->info().rate;
  options.extras = source->extras();
  const auto sink = open_sink(to, options);
  while (const auto frame = source->read()) sink->write(frame->image(), frame->pts, 0);
  sink->finish();
  return sink->note();
}

TEST(Output, AnOlderFileStaysUntilItsSuccessorIsWhole) {
  const TemporaryFolder folder;
  for (const std::string name : {"a.mp4", "a.mkv", "a.webm", "a.gif"}) {
    const std::string path = folder.write(name, "old");
    {
      const auto sink = open_sink(path, kSmall);
      EXPECT_THAT(sink->path(), HasSubstr("a.part")) << name;
    }
    EXPECT_EQ(bytes_of(path), "old") << name;  // no image came
    {
      const auto sink = open_sink(path, kSmall);
      sink->write(numbered_image(32, 32, 1), 0, 1);
      sink->finish_partly();
      EXPECT_EQ(read_all(*open_source(sink->path())).pts.size(), 1U) << name;
      fs::remove(sink->path());
    }
    EXPECT_EQ(bytes_of(path), "old") << name;
    const auto sink = open_sink(path, kSmall);
    write_clip(*sink, 32, 32, steady(3));
    EXPECT_EQ(read_all(*open_source(path)).pts.size(), 3U) << name;
    fs::remove(path);
  }
  EXPECT_THAT(names_in(folder.path()), ElementsAre());
}

TEST(Output, OfImagesAloneSaysEverythingThatItLeavesOut) {
  const TemporaryFolder folder;
  const auto source =
      open_source("lavfi:testsrc=size=64x48:rate=10:duration=0.2[out0];sine=duration=0.2[out1]");
  SinkOptions options = kSmall;
  options.extras = source->extras();
  options.extras.not_copied = {"another video (h264)"};
  options.extras.chapters.resize(1);
  options.extras.tags["title"] = "A";
  EXPECT_EQ(open_sink(folder / "out", options)->note(),
            (folder / "out") +
                ": images only; left out: the sound (pcm_s16le), another video (h264), the title "
                "and other texts, the chapters");
  while (source->read()) {
  }  // libavdevice leaks the frames of its filters that nobody has read
}

TEST(Output, ALinkLeadsToTheFileThatIsReplaced) {
  const TemporaryFolder folder;
  folder.write("real/a.mp4", "old");
  fs::create_symlink(folder / "real/a.mp4", folder / "link.mp4");
  write_clip(*open_sink(folder / "link.mp4", kSmall), 32, 32, steady(3));
  EXPECT_TRUE(fs::is_symlink(folder / "link.mp4"));
  EXPECT_EQ(read_all(*open_source(folder / "real/a.mp4")).pts.size(), 3U);
  EXPECT_THAT(names_in(folder / "real"), ElementsAre("a.mp4"));
}

TEST(Output, ALinkThatLeadsNowhereYetIsFollowedToo) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "real");
  fs::create_symlink("second.mp4", folder / "link.mp4");
  fs::create_symlink("real/new/a.mp4", folder / "second.mp4");
  write_clip(*open_sink(folder / "link.mp4", kSmall), 32, 32, steady(3));
  EXPECT_TRUE(fs::is_symlink(folder / "link.mp4"));
  EXPECT_EQ(read_all(*open_source(folder / "real/new/a.mp4")).pts.size(), 3U);
  fs::create_symlink("/proc/a.mp4", folder / "nowhere.mp4");
  EXPECT_THAT(error_of([&] { check_output(folder / "nowhere.mp4"); }), HasSubstr("/proc/a.mp4"));
  fs::create_symlink("circle.mp4", folder / "circle.mp4");
  EXPECT_THAT(error_of([&] { open_sink(folder / "circle.mp4", kSmall); }),
              HasSubstr("circle.mp4: is a link that leads in a circle"));
}

TEST(Output, ALinkToAFolderThatIsNotThereYetIsFollowedToo) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b/"}) {
    const fs::path link = folder / std::string(name, 1);
    fs::create_symlink("real/" + link.filename().string(), link);
    write_clip(*open_sink(folder / name, kSmall), 32, 32, steady(3));
    EXPECT_TRUE(fs::is_symlink(link));
    EXPECT_EQ(image::numbered_images(folder.path() / "real" / link.filename()).size(), 3U);
  }
  fs::create_symlink("real/c", folder / "c");
  open_sink(folder / "c", kSmall);
  EXPECT_TRUE(fs::is_symlink(folder / "c")) << "a link of the user's stays, also without an image";
}

TEST(Output, WithoutAnImageNoFileIsLeft) {
  const TemporaryFolder folder;
  open_sink(folder / "a.mp4", kSmall);
  open_sink(folder / "a.webm", kSmall);
  EXPECT_THAT(names_in(folder.path()), ElementsAre());
}

TEST(Output, NumberedImagesOfAnEarlierRunAreReplacedAsAWhole) {
  const TemporaryFolder folder;
  write_clip(*open_sink(folder / "out", kSmall), 32, 32, steady(5));
  folder.write("out/notes.png", "mine");
  {
    const auto sink = open_sink(folder / "out", kSmall);
    sink->write(numbered_image(32, 32, 1), 0, 1);
    EXPECT_EQ(sink->path(), folder / "out/unfinished.part");
    EXPECT_EQ(names_in(folder / "out").size(), 7U);
  }
  fs::remove_all(folder / "out/unfinished.part");  // it was kept
  write_clip(*open_sink(folder / "out", kSmall), 32, 32, steady(2));
  EXPECT_THAT(names_in(folder / "out"),
              UnorderedElementsAre("000000.png", "000001.png", "notes.png"));
}

TEST(Output, ImagesOfOthersAreNeverReplaced) {
  const TemporaryFolder folder;
  SinkOptions named = kSmall;
  named.named_after = {"in/cat.jpg"};
  for (const auto& [name, options] : {std::pair("000002.png", kSmall), {"cat.png", named}}) {
    const fs::path image = folder.write(std::string("out/") + name, "precious");
    for (const std::string& out : {folder / "out", (folder / "out") + "/"}) {
      const auto refused = AllOf(HasSubstr(name), HasSubstr("did not write"));
      EXPECT_THAT(error_of([&] { refuse_others_files(out, options.named_after); }), refused);
      EXPECT_THAT(error_of([&] { open_sink(out, options); }), refused);
    }
    EXPECT_THAT(names_in(folder / "out"), ElementsAre(name));
    fs::remove(image);
  }
}

TEST(Output, ImagesThatWereEditedAreNotReplaced) {
  const TemporaryFolder folder;
  write_clip(*open_sink(folder / "out", kSmall), 32, 32, steady(3));
  folder.write("out/000001.png", "painted over");
  EXPECT_THAT(error_of([&] { open_sink(folder / "out", kSmall); }), HasSubstr("000001.png"));
  EXPECT_EQ(names_in(folder / "out").size(), 3U);
}

TEST(Output, ImagesOfARunThatWasKilledAreKnown) {
  const TemporaryFolder folder;
  const auto killed = open_sink(folder / "out", kSmall);
  killed->write(numbered_image(32, 32, 1), 0, 1);
  write_clip(*open_sink(folder / "out", kSmall), 32, 32, steady(2));
  EXPECT_THAT(names_in(folder / "out"), UnorderedElementsAre("000000.png", "000001.png"));
}

TEST(Output, ImagesKeepTheNamesOfTheInputs) {
  const TemporaryFolder folder;
  SinkOptions options = kSmall;
  options.named_after = {"in/b.jpg", "in/a.png", "other/a.webp"};
  write_clip(*open_sink(folder / "out", options), 32, 32, steady(3));
  EXPECT_THAT(names_in(folder / "out"), UnorderedElementsAre("b.png", "a.png", "a-2.png"));
}

TEST(Output, WhatIsThereAfterASecondPlays) {
  const TemporaryFolder folder;
  struct Run {
    std::string path;
    std::unique_ptr<FrameSource> source;
    std::unique_ptr<FrameSink> sink;
  };
  std::vector<Run> runs;  // beside each other, since they take their time
  for (const std::string name : {"a.mp4", "a.mov", "a.mkv"}) {
    auto source = open_source(kData + "tracks.mkv");
    SinkOptions options = kSmall;
    options.time_base = source->info().time_base;
    options.extras = source->extras();
    auto sink = open_sink(folder / name, options);
    runs.push_back({folder / name, std::move(source), std::move(sink)});
  }
  for (bool more = true; more;) {
    for (const Run& run : runs) {
      const auto frame = run.source->read();
      more = frame.has_value();
      if (more) run.sink->write(frame->image(), frame->pts, 0);
    }
    // of real time: the sink goes by the clock
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
  }
  for (const Run& run : runs) {
    fs::copy_file(run.path, folder / "killed", fs::copy_options::overwrite_existing);  // by a kill
    EXPECT_GT(read_all(*open_source(folder / "killed")).pts.size(), 0U) << run.path;
  }
}

TEST(Output, ANamedPipeIsWrittenTo) {
  const TemporaryFolder folder;
  for (const std::string name : {"pipe", "pipe.mkv"}) {
    const std::string path = folder / name;
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_FALSE(is_live_output(path));
    std::thread writer([&] { write_clip(*open_sink(path, kSmall), 32, 32, steady(3)); });
    EXPECT_EQ(read_all(*open_source(path)).pts.size(), 3U) << name;
    writer.join();
  }
}

TEST(Output, TheWaitForAReaderOfANamedPipeCanBeEnded) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  BlockingThread thread([&] {
    EXPECT_THAT(error_of([&] { open_sink(folder / "pipe", kSmall); }),
                HasSubstr("stopped while waiting for a reader"));
  });
  *kSmall.stop = true;
  thread.join();
  *kSmall.stop = false;
}

TEST(Output, Y4mCarriesTheRateOfTheInput) {
  for (const Rational rate : {Rational{25, 1}, Rational{30000, 1001}}) {
    std::FILE* file = std::tmpfile();
    SinkOptions options = kSmall;
    options.time_base = {1, 12800};
    options.rate = rate;
    const auto sink = open_descriptor_sink(::fileno(file), "pipe", options);
    std::vector<std::int64_t> pts;
    for (int i = 0; i < 4; ++i) {
      pts.push_back(12800LL * i * rate.denominator / rate.numerator);
    }
    std::string said;
    base::set_log_callback([&](base::LogLevel, std::string_view text) { said += text; });
    write_clip(*sink, 32, 32, pts);
    base::set_log_callback({});
    EXPECT_EQ(said, "");
    std::rewind(file);
    char head[64] = {};
    ASSERT_NE(std::fgets(head, sizeof head, file), nullptr);
    EXPECT_THAT(head, HasSubstr(" F" + std::to_string(rate.numerator) + ":" +
                                std::to_string(rate.denominator) + " "));
    std::fclose(file);
  }
}

TEST(Output, Y4mSaysWhereTimesAreLost) {
  std::string said;
  base::set_log_callback([&](base::LogLevel, std::string_view text) { said += text; });
  std::FILE* file = std::tmpfile();
  SinkOptions options = kSmall;
  write_clip(*open_descriptor_sink(::fileno(file), "pipe", options), 32, 32, {0, 1, 2, 9, 10});
  options.rate = {};
  write_clip(*open_descriptor_sink(::fileno(file), "pipe", options), 32, 32, {0});
  base::set_log_callback({});
  std::fclose(file);
  EXPECT_THAT(said, HasSubstr("pipe: its format has no times, only a rate (10/1 frames a second), "
                              "and from image 4 on"));
  EXPECT_THAT(said, HasSubstr("pipe: the input does not say its frame rate; 25 frames"));
}

TEST(Output, CopiesWhatTheContainerHoldsAndNamesTheRest) {
  const TemporaryFolder folder;
  EXPECT_EQ(copy(kData + "tracks.mkv", folder / "a.mkv"), "");
  const auto source = open_source(folder / "a.mkv");
  const Extras extras = source->extras();
  ASSERT_EQ(extras.tracks.size(), 3U);
  EXPECT_EQ(extras.tracks[0]->name(), "the sound (aac, eng)");
  EXPECT_EQ(extras.tracks[1]->name(), "the sound (flac, fra)");
  EXPECT_EQ(extras.tracks[2]->name(), "the subtitles (subrip, ger)");
  EXPECT_EQ(extras.tags.at("title"), "A walk");
  ASSERT_EQ(extras.chapters.size(), 2U);
  EXPECT_EQ(extras.chapters[1].tags.at("title"), "two");
  EXPECT_EQ(read_all(*source).pts.size(), 10U);
  EXPECT_NEAR(extras.tracks[1]->seconds(), 1, 0.1);
}

TEST(Output, SoundThatAnMp4DoesNotHoldIsLeftOut) {
  const TemporaryFolder folder;
  const std::string old = folder.write("a.mp4", "old");
  EXPECT_EQ(copy(kData + "tracks.mkv", old),
            old +
                ": this kind of output does not hold everything; left out: the sound (flac, "
                "fra), the subtitles (subrip, ger)");
  const auto source = open_source(old);
  ASSERT_NE(source->extras().sound(), nullptr);
  EXPECT_EQ(source->extras().sound()->codec(), "aac");
  EXPECT_EQ(source->extras().chapters.size(), 2U);
  EXPECT_EQ(read_all(*source).pts.size(), 10U);
}

TEST(Output, AGifSaysHowManyImagesItCannotShow) {
  const TemporaryFolder folder;
  std::string said;
  base::set_log_callback([&](base::LogLevel, std::string_view text) { said += text; });
  SinkOptions options = kSmall;
  options.time_base = {1, 100};
  write_clip(*open_sink(folder / "a.gif", options), 32, 32, steady(5));
  base::set_log_callback({});
  EXPECT_THAT(said, HasSubstr("a.gif: 2 images would show for less than 20 ms"));
}

TEST(Output, ImagesAloneAreSaidToBeWithoutSound) {
  const TemporaryFolder folder;
  EXPECT_THAT(copy(kData + "tracks.mkv", folder / "out"), HasSubstr("left out"));
  EXPECT_THAT(copy(kData + "tracks.mkv", folder / "a.gif"), HasSubstr("the sound (aac, eng)"));
}

TEST(Output, AWindowNeedsADisplay) {
  for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"}) ::unsetenv(name);
  const std::string message = error_of([] { check_output("window"); });
  EXPECT_THAT(message, StartsWith("window: "));
  EXPECT_THAT(error_of([] { open_sink("window", kSmall); }), StartsWith("window: "));
  ::setenv("SDL_VIDEODRIVER", "dummy", 1);
  check_output("window");
  check_output("window:1");  // the dummy driver has one display
  EXPECT_THAT(error_of([] { check_output("window:2"); }),
              StartsWith("window:2: there is no such display, expected 1"));
  for (const char* wrong : {"window:", "window:0", "window:left", "window:-1"}) {
    EXPECT_THAT(error_of([&] { check_output(wrong); }), HasSubstr("expected window:NUMBER"));
  }
  ::unsetenv("SDL_VIDEODRIVER");
}

}  // namespace
}  // namespace streamdiffusion::media
