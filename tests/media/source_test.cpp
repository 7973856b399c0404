// What the sources give, and how they end: properly, broken, silent, or told to.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>
#include <tuple>

#include "base/error.h"
#include "media/fed_pipe.h"
#include "media/frame_sink.h"
#include "media/frame_source.h"
#include "support/blocking_thread.h"
#include "support/clips.h"
#include "support/errors.h"
#include "support/free_port.h"
#include "support/temporary_folder.h"
#include "support/wait.h"

namespace streamdiffusion::media {
namespace {

using namespace streamdiffusion::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Replaces the (identity) display matrix of a one-track mp4.
void turn(const std::string& path, const std::array<std::int32_t, 4>& abcd) {
  std::string bytes = bytes_of(path);
  const std::size_t box = bytes.find("tkhd");
  ASSERT_NE(box, std::string::npos);
  const std::size_t matrix = box + 4 + 4 + 20 + 8 + 8;  // past version, times, layer, volume
  const std::size_t places[]{0, 4, 12, 16};
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t b = 0; b < 4; ++b) {
      bytes[matrix + places[i] + b] =
          static_cast<char>(static_cast<std::uint32_t>(abcd[i]) >> (24 - 8 * b) & 0xffU);
    }
  }
  write_bytes(path, bytes);
}

/// Which side is red: where the image's left side has gone.
std::string red_side(const Image& image) {
  const auto red = [&](int x, int y) {
    const std::size_t at =
        3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
             static_cast<std::size_t>(x));
    return image.rgb[at] > 150 && image.rgb[at + 2] < 100;
  };
  if (red(2, image.height / 2)) return "left";
  if (red(image.width - 3, image.height / 2)) return "right";
  if (red(image.width / 2, 2)) return "top";
  if (red(image.width / 2, image.height - 3)) return "bottom";
  return "nowhere";
}

TEST(Source, TurnsFramesAsTheFileSays) {
  constexpr std::int32_t one = 1 << 16;
  const std::tuple<std::array<std::int32_t, 4>, const char*, bool> cases[]{
      {{one, 0, 0, one}, "left", false},
      {{0, one, -one, 0}, "top", true},  // 90 degrees clockwise
      {{-one, 0, 0, -one}, "right", false},
      {{0, -one, one, 0}, "bottom", true},
      {{-one, 0, 0, one}, "right", false},  // mirrored
  };
  for (const auto& [matrix, side, swapped] : cases) {
    const TemporaryFolder folder;
    const std::string path = clip(folder, "a.mp4", 2);
    turn(path, matrix);
    const auto source = open_source(path);
    EXPECT_EQ(source->info().width, swapped ? 48 : 64) << side;
    const Image image = source->read()->image();
    EXPECT_EQ(image.width, swapped ? 48 : 64) << side;
    EXPECT_EQ(image.height, swapped ? 64 : 48) << side;
    EXPECT_EQ(red_side(image), side);
  }
}

TEST(Source, MakesSamplesSquareWithoutLosingAny) {
  const auto wide = open_source("lavfi:testsrc=size=64x48:duration=0.1,setsar=2");
  EXPECT_EQ(wide->read()->image().width, 128);
  const auto tall = open_source("lavfi:testsrc=size=64x48:duration=0.1,setsar=1/2");
  EXPECT_EQ(tall->info().height, 96);
  EXPECT_EQ(tall->read()->image().height, 96);
}

TEST(Source, TestGraphsGiveTheirFramesAndEnd) {
  const auto source = open_source("lavfi:testsrc=size=33x17:rate=30000/1001:duration=0.5");
  EXPECT_EQ(source->info().rate, (Rational{30000, 1001}));
  EXPECT_FALSE(source->info().live);
  const Seen seen = read_all(*source);
  EXPECT_EQ(seen.pts.size(), 15U);
  EXPECT_EQ(seen.sizes.back(), std::pair(33, 17));
  EXPECT_FALSE(source->read().has_value());
}

TEST(Source, GivesImagesOfAnySizeByFolderPatternOrName) {
  const TemporaryFolder folder;
  const auto sink = open_sink(folder / "in", {.width = 20, .height = 10});
  write_clip(*sink, 20, 10, steady(3));
  for (const std::string& input : {folder / "in", folder / "in/*.png"}) {
    const auto source = open_source(input, {.rate = {5, 1}});
    EXPECT_EQ(source->info().rate, (Rational{5, 1}));
    EXPECT_THAT(read_all(*source).numbers, ElementsAre(0, 1, 2));
  }
  EXPECT_THAT(read_all(*open_source(folder / "in/000001.png")).numbers, ElementsAre(1));
}

TEST(Source, NamesWhatCannotBeOpened) {
  const TemporaryFolder folder;
  write_bytes(folder / "garbage.mp4", std::string(5000, 'x'));
  write_bytes(folder / "empty.mp4", "");
  const auto open = [](const std::string& input) { return error_of([&] { open_source(input); }); };
  EXPECT_THAT(open(folder / "none.mp4"), HasSubstr("none.mp4: no such file"));
  EXPECT_THAT(open(folder / "garbage.mp4"), HasSubstr("garbage.mp4: cannot be opened: libav says"));
  EXPECT_THAT(open(folder / "empty.mp4"), HasSubstr("empty.mp4: is empty, expected a video"));
  write_bytes(folder / "huge.y4m", "YUV4MPEG2 W999999 H999999 F25:1 C420jpeg\nFRAME\n");
  EXPECT_THAT(open(folder / "huge.y4m"), HasSubstr("999999x999999"));
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(error_of([&] { open_descriptor_source(nothing, "standard input", {}); }),
            "standard input: is empty, expected a video or an image; --input names another source");
  const int garbage = ::open((folder / "garbage.mp4").c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_THAT(
      error_of([&] { open_descriptor_source(garbage, "standard input", {.format = "y4m"}); }),
      HasSubstr("standard input: cannot be read as y4m: libav says"));
  ::close(nothing);
  ::close(garbage);
  EXPECT_THAT(open("/dev/video99"), HasSubstr("No such file"));
  const std::string nobody = "://127.0.0.1:" + std::to_string(free_tcp_port());
  EXPECT_THAT(open("rtsp" + nobody + "/a"), HasSubstr("Connection refused"));
  EXPECT_THAT(open("http" + nobody + "/a.mp4"), HasSubstr("Connection refused"));
  EXPECT_THAT(open("screen:1,2"), HasSubstr("expected screen, screen:portal or screen:X,Y,WxH"));
  EXPECT_THAT(open("lavfi:nosuchfilter"), HasSubstr("nosuchfilter"));
  EXPECT_THAT(open("lavfi:sine=duration=1"), HasSubstr("has no images"));
}

TEST(Source, AFileThatIsCutOffGivesItsFramesAndThenAnError) {
  const TemporaryFolder folder;
  for (const char* name : {"a.mkv", "a.mp4", "a.webm", "a.gif"}) {
    const std::string path = clip(folder, name, 100);
    const std::string bytes = bytes_of(path);
    write_bytes(path, bytes.substr(0, bytes.size() * 6 / 10));
    std::size_t frames = 0;
    const std::string message = error_of([&] {
      const auto source = open_source(path);
      while (source->read()) ++frames;
    });
    EXPECT_GT(frames, 3U) << name << ": " << message;
    EXPECT_LT(frames, 100U) << name << ": " << message;
    EXPECT_THAT(message, HasSubstr(name));
  }
}

/// Their demuxers write no line.
TEST(Source, AnOggOrAGifThatIsCutOffSaysSo) {
  const TemporaryFolder folder;
  const std::string ogg = bytes_of(SD_TEST_DATA_DIR "/media/pages.ogv");
  const std::string gif = bytes_of(clip(folder, "whole.gif", 20));
  const auto frames_from_pipe = [](const std::string& bytes) {
    const FedPipe pipe(bytes);
    return read_all(*open_descriptor_source(pipe.end(), "a pipe", {})).pts.size();
  };
  for (const auto& [name, whole, why] :
       {std::tuple{"a.ogv", ogg, "bytes into a page of Ogg"},
        std::tuple{"a.gif", gif, "ends early: the byte that ends a GIF is missing"}}) {
    write_bytes(folder / name, whole);
    EXPECT_EQ(read_all(*open_source(folder / name)).pts.size(), 20U) << name;
    EXPECT_EQ(frames_from_pipe(whole), 20U) << name;
    for (const std::size_t kept : {whole.size() * 2 / 3, whole.size() * 3 / 4, whole.size() - 1}) {
      const std::string cut = whole.substr(0, kept);
      write_bytes(folder / name, cut);
      EXPECT_THAT(error_of([&] { read_all(*open_source(folder / name)); }), HasSubstr(why)) << kept;
      if (whole == ogg) continue;  // what libav holds of a pipe may not begin with a page
      EXPECT_THAT(error_of([&] { frames_from_pipe(cut); }), HasSubstr(why)) << kept;
    }
  }
}

TEST(Source, DamageInTheMiddleNamesTheFrameOfAStrictOne) {
  const TemporaryFolder folder;
  const std::string path = clip(folder, "a.webm", 16, 256, 256);
  std::string bytes = bytes_of(path);
  for (std::size_t i = bytes.size() / 2; i < bytes.size() * 3 / 4; ++i) bytes[i] = '\xff';
  write_bytes(path, bytes);
  const std::string message = error_of([&] { read_all(*open_source(path, {.strict = true})); });
  EXPECT_THAT(message, ::testing::MatchesRegex(".*(frame [0-9]+ of |ends early).*"));
}

/// The first 85 % of 25 frames with three B-frames each, index first.
TEST(Source, TheFramesBeforeACutComeOutOfTheDecoder) {
  constexpr int kBeforeCut = 11;  // as ffmpeg counts them
  const std::string bytes = bytes_of(SD_TEST_DATA_DIR "/media/cut.mp4");
  const TemporaryFolder folder;
  for (const Rational rate : {Rational{}, Rational{25, 1}, Rational{50, 1}}) {
    write_bytes(folder / "a.mp4", bytes);
    auto source = open_source(folder / "a.mp4");
    if (rate.positive()) source = at_rate(std::move(source), rate);
    int frames = 0;
    const std::string message = error_of([&] {
      while (source->read()) ++frames;
    });
    EXPECT_EQ(frames, rate.numerator == 50 ? 2 * kBeforeCut : kBeforeCut) << message;
    EXPECT_THAT(message, HasSubstr(base::concat("frame ", kBeforeCut + 1, " of ")));
  }
}

/// A stream of y4m in a temporary file.
struct Stream {
  explicit Stream(const std::string& text) : file(std::tmpfile()) {
    std::fwrite(text.data(), 1, text.size(), file);
    std::rewind(file);
  }
  ~Stream() { std::fclose(file); }
  std::unique_ptr<FrameSource> open(const SourceOptions& options = {}) const {
    return open_descriptor_source(::fileno(file), "standard input", options);
  }
  std::FILE* file;
};

TEST(Source, WhiteIsWhiteInEveryY4m) {
  const std::string full = "YUV4MPEG2 W2 H2 F25:1 C444 XCOLORRANGE=FULL\nFRAME\n" +
                           std::string(4, '\xff') + std::string(8, '\x80');
  const std::string limited =
      "YUV4MPEG2 W2 H2 F25:1 C444\nFRAME\n" + std::string(4, '\xeb') + std::string(8, '\x80');
  const std::string mono = "YUV4MPEG2 W2 H2 F25:1 Cmono\nFRAME\n" + std::string(4, '\xff');
  for (const std::string& text : {limited, full, mono}) {
    const Image image = Stream(text).open()->read()->image();
    for (const std::uint8_t value : image.rgb) EXPECT_GE(value, 254) << text;
  }
}

TEST(Source, AStreamThatEndsInsideAFrameSaysSo) {
  const Stream stream("YUV4MPEG2 W2 H2 F25:1 C444\nFRAME\n" + std::string(12, 'x') + "FRAME\nxxx");
  const auto source = stream.open();
  EXPECT_TRUE(source->read().has_value());
  EXPECT_THAT(error_of([&] { source->read(); }),
              HasSubstr("standard input: ends inside a frame, 9 bytes after the last whole one"));
  const Stream raw(std::string(15, 'x'));
  const auto pixels = raw.open({.width = 2, .height = 2, .format = "rgb24"});
  EXPECT_TRUE(pixels->read().has_value());
  EXPECT_THAT(error_of([&] { pixels->read(); }), HasSubstr("frame 2 of standard input"));
  EXPECT_THAT(error_of([&] { raw.open({.format = "rgb24"}); }), HasSubstr("size must be given"));
  EXPECT_EQ(error_of([&] { Stream("").open(); }),
            "standard input: is empty, expected a video or an image; --input names another source");
}

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Runs `blocked`, raises `stop` once it blocks, and returns how long it then took to return.
double seconds_to_stop(const StopFlag& stop, const std::function<void()>& blocked) {
  BlockingThread thread(blocked);
  thread.wait_until_blocked();
  const auto raised = Clock::now();
  *stop = true;
  thread.join();
  return seconds_since(raised);
}

/// In seconds: a stop is noticed in a tenth of one, and the machine may be busy. The sources would
/// give up by themselves after kNever.
constexpr double kSoon = 10, kNever = 100;

std::string udp_address() {
  return "udp://127.0.0.1:" + std::to_string(free_udp_port());
}

TEST(SourceStop, EndsAReadFromASilentPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string head =
      "YUV4MPEG2 W2 H2 F25:1 C444\nFRAME\n" + std::string(12, 'x') + "FRAME\n" + "xxx";
  ASSERT_EQ(::write(ends[1], head.data(), head.size()), static_cast<ssize_t>(head.size()));
  SourceOptions options{.format = "y4m", .timeout = kNever};
  std::unique_ptr<FrameSource> source;
  EXPECT_LT(seconds_to_stop(options.stop,
                            [&] {
                              try {  // whether it is the opening that waits is libav's choice
                                source = open_descriptor_source(ends[0], "pipe", options);
                                while (source->read()) {
                                }
                              } catch (const Error& error) {
                                EXPECT_THAT(error.what(), HasSubstr("stopped"));
                              }
                            }),
            kSoon);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(SourceStop, EndsTheOpeningOfASilentNamedPipe) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  SourceOptions options{.timeout = kNever};
  EXPECT_LT(seconds_to_stop(options.stop,
                            [&] {
                              EXPECT_THAT(error_of([&] { open_source(folder / "pipe", options); }),
                                          HasSubstr("stopped while opening"));
                            }),
            kSoon);
}

TEST(SourceStop, EndsTheOpeningOfASilentAddress) {
  SourceOptions options{.timeout = kNever};
  const auto open = [&] {
    EXPECT_THAT(error_of([&] { open_source(udp_address(), options); }),
                HasSubstr("stopped while opening"));
  };
  EXPECT_LT(seconds_to_stop(options.stop, open), kSoon);
}

TEST(SourceStop, ASilentAddressIsGivenUpAfterItsTime) {
  const auto start = Clock::now();
  const std::string address = udp_address();
  EXPECT_THAT(error_of([&] { open_source(address, {.timeout = 0.3}); }),
              HasSubstr(address + ": no data within 0.3 s"));
  EXPECT_LT(seconds_since(start), kSoon);
}

TEST(SourceStop, AStreamOverTheNetworkArrivesAndItsEndIsNoticed) {
  constexpr int kEnough = 20;
  const std::string address = udp_address();
  std::atomic<int> frames = 0;
  std::atomic<bool> ended = false;
  std::thread sender([&] {
    const auto sink =
        open_sink(address, {.width = 64, .height = 48, .time_base = {1, 50}, .rate = {50, 1}});
    int sent = 0;
    wait_until("frames to arrive", [&] {
      sink->write(numbered_image(64, 48, sent % 16), sent, 1);
      ++sent;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // as a camera paces its frames
      return frames >= kEnough || ended;
    });
    sink->finish();
  });
  const std::string message = error_of([&] {
    // of real time: long enough for a sender that the machine lets wait
    const auto source = open_source(address, {.timeout = 3});
    EXPECT_TRUE(source->info().live);
    while (const auto frame = source->read()) {
      ++frames;
      EXPECT_EQ(frame->image().width, 64);
    }
  });
  ended = true;
  sender.join();
  EXPECT_GE(frames, kEnough);
  EXPECT_THAT(message, HasSubstr("no data for 3 s"));
}

}  // namespace
}  // namespace streamdiffusion::media
