// What inputs keep, what they may open, and what is said about those that give nothing.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/error.h"
#include "base/log.h"
#include "image/image_file.h"
#include "media/file_server.h"
#include "media/frame_sink.h"
#include "media/frame_source.h"
#include "support/clips.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {
namespace {

using namespace streamdiffusion::testing;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::HasSubstr;

/// What is logged while it lives.
class Said {
 public:
  Said() {
    base::set_log_callback(
        [this](base::LogLevel, std::string_view message) { text_.append(message).append("\n"); });
  }
  ~Said() { base::set_log_callback({}); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

TEST(Input, Y4mWithoutAFrameRateSaysWhichIsAssumed) {
  const TemporaryFolder folder;
  const std::string pixels = "\nFRAME\n" + std::string(12, 'x');
  for (const auto& [fields, told] : {std::pair{"W2 H2 C444", true},
                                     {"W2 H2 F0:0 C444", true},
                                     {"W2 H2 F10:1 C444", false},
                                     {"F10:1 W2 H2 C444", false}}) {
    const std::string path = folder.write("a.y4m", std::string("YUV4MPEG2 ") + fields + pixels);
    const Said said;
    EXPECT_EQ(read_all(*open_source(path)).pts.size(), 1U);
    EXPECT_EQ(said.text().find("a.y4m: its y4m header names no frame rate (F); 25 frames a second "
                               "are assumed") != std::string::npos,
              told)
        << fields << said.text();
  }
}

std::unique_ptr<FrameSource> open_pipe(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  return open_descriptor_source(descriptor, "standard input", {});  // closed with the process
}

TEST(WebInput, GivesEveryFrameFromTheFirst) {
  const TemporaryFolder folder;
  constexpr int kFrames = 40;
  for (const char* name : {"a.mp4", "a.mkv", "a.webm", "a.gif"}) {
    const std::string content = bytes_of(clip(folder, name, kFrames));
    for (const bool with_length : {true, false}) {
      const FileServer server(content, with_length);
      const auto source = open_source(server.address(name));
      EXPECT_EQ(source->info().live, !with_length && source->info().frames == 0) << name;
      const Seen seen = read_all(*source);
      ASSERT_EQ(seen.numbers.size(), kFrames) << name << " " << with_length;
      for (int i = 0; i < kFrames; ++i) {
        EXPECT_EQ(seen.numbers[static_cast<std::size_t>(i)], i % 16) << name;
      }
    }
  }
}

TEST(WebInput, ABroadcastKeepsItsFirstKeyFrame) {
  const FileServer server(bytes_of(SD_TEST_DATA_DIR "/media/adts.ts"), false);
  const auto source = open_source(server.address("a.ts"));
  EXPECT_TRUE(source->info().live);
  EXPECT_EQ(read_all(*source).pts.size(), 10U);
}

TEST(WebInput, AProtocolMayBeWrittenInCapitals) {
  const FileServer server(bytes_of(SD_TEST_DATA_DIR "/media/adts.ts"), true);
  const auto source = open_source("HTTP" + server.address("a.ts").substr(4));
  EXPECT_EQ(read_all(*source).pts.size(), 10U);
}

TEST(WebInput, ATransferThatBreaksOffIsAnError) {
  const TemporaryFolder folder;
  const std::string content = bytes_of(clip(folder, "a.mkv", 60));
  const std::size_t half = content.size() / 2;
  const FileServer server(content.substr(0, half), true, content.size() - half);
  std::size_t frames = 0;
  EXPECT_THAT(error_of([&] {
                const auto source = open_source(server.address("a.mkv"));
                while (source->read()) ++frames;
              }),
              HasSubstr("Stream ends prematurely"));
  EXPECT_GT(frames, 0U);
}

TEST(WebInput, ATransferThatFallsSilentIsGivenUp) {
  const TemporaryFolder folder;
  const std::string content = bytes_of(clip(folder, "a.mkv", 60));
  for (const std::size_t sent : {std::size_t{100}, std::size_t{900}, content.size() / 2}) {
    const FileServer server(content.substr(0, sent), true, content.size() - sent, true);
    EXPECT_THAT(error_of([&] {
                  const auto source = open_source(server.address("a.mkv"), {.timeout = 0.5});
                  while (source->read()) continue;
                }),
                AnyOf(HasSubstr("no data within 0.5 s"), HasSubstr("no data for 0.5 s")))
        << sent;
  }
}

TEST(Input, PacketsBeforeTheFirstKeyFrameAreCounted) {
  const TemporaryFolder folder;
  const std::string whole = bytes_of(kData + "glitch.ts");
  constexpr std::size_t kPacket = 188;
  // The tables, and then what follows the first key frame.
  const std::string joined =
      whole.substr(0, 3 * kPacket) + whole.substr(whole.size() / 3 / kPacket * kPacket);
  std::ofstream(folder / "joined.ts", std::ios::binary) << joined;
  const Said said;
  const Seen seen = read_all(*open_source(folder / "joined.ts"));
  EXPECT_GT(seen.pts.size(), 20U);
  EXPECT_THAT(said.text(),
              HasSubstr("before the first whole frame cannot be decoded and are passed over"));
}

TEST(Input, APipeOpensNothingElse) {
  const TemporaryFolder folder;
  clip(folder, "secret.mp4", 3);
  const std::string list = folder.write("list", "ffconcat version 1.0\nfile secret.mp4\n");
  const std::string sdp =
      folder.write("sdp",
                   "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
                   "m=video 19194 RTP/AVP 96\na=rtpmap:96 H264/90000\n");
  const std::string hls = folder.write(
      "hls", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n");
  const std::pair<std::string, const char*> cases[]{
      {list, ": is a list of files (concat), which opens other files"},
      {sdp, ": is a session description (sdp), which opens"},
      {hls, ": is a playlist (hls), which opens"}};
  for (const auto& [path, what] : cases) {
    expect_error([&] { open_pipe(path); }, ErrorCode::unsupported,
                 {std::string("standard input") + what, "save it as FILE."});
    expect_error([&] { open_source(path); }, ErrorCode::unsupported, {path + what});
    const FileServer server(bytes_of(path), true);
    if (path != hls) {
      expect_error([&] { open_source(server.address("a.mp4")); }, ErrorCode::unsupported, {what});
    }
  }
}

TEST(Input, AListThatTheUserNamesIsRead) {
  const TemporaryFolder folder;
  clip(folder, "a.mp4", 3);
  clip(folder, "b.mp4", 4);
  folder.write("all.ffconcat", "ffconcat version 1.0\nfile a.mp4\nfile b.mp4\n");
  EXPECT_EQ(read_all(*open_source(folder / "all.ffconcat")).pts.size(), 7U);
}

TEST(Input, APlaylistOfAFileAsksForOtherProtocolsInVain) {
  const TemporaryFolder folder;
  const FileServer server(bytes_of(SD_TEST_DATA_DIR "/media/adts.ts"), true);
  const std::string list =
      folder.write("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" +
                                 server.address("a.ts") + "\n#EXT-X-ENDLIST\n");
  expect_error([&] { open_source(list); }, ErrorCode::unsupported,
               {"asks for the protocol \"http\"", "--input-protocols http"});
  EXPECT_EQ(server.requests(), 0);
  EXPECT_EQ(read_all(*open_source(list, {.protocols = "http,tcp"})).pts.size(), 10U);
}

TEST(Input, OtherProtocolsAreNamed) {
  expect_error([] { open_source("ftp://127.0.0.1/a.mp4"); }, ErrorCode::invalid_argument,
               {"the protocol \"ftp\", expected http, https, rtsp", "--input-protocols ftp"});
  expect_error([] { open_source("concat:http://127.0.0.1:1/a|b"); }, ErrorCode::invalid_argument,
               {"the protocol \"concat:http\""});
}

TEST(Input, WithoutAnyFrameIsAnError) {
  const TemporaryFolder folder;
  const std::string header = folder.write("a.y4m", "YUV4MPEG2 W64 H64 F25:1 Ip A1:1 C420jpeg\n");
  expect_error([&] { read_all(*open_pipe(header)); }, ErrorCode::corrupt_file,
               {"standard input: no frame could be decoded: it holds no image data"});
  const std::string empty = folder.write("empty", "");
  expect_error([&] { open_source(empty); }, ErrorCode::corrupt_file, {"is empty, expected a"});
  const int descriptor = ::open(empty.c_str(), O_RDONLY | O_CLOEXEC);
  expect_error(
      [&] {
        read_all(*open_descriptor_source(descriptor, "raw",
                                         {.width = 4, .height = 4, .format = "rgb24"}));
      },
      ErrorCode::corrupt_file, {"raw: no frame could be decoded"});
  ::close(descriptor);
}

TEST(Input, AnimationsAreReadWholeOrRefusedByName) {
  EXPECT_EQ(read_all(*open_source(kData + "animated.png")).pts.size(), 3U);
  expect_error([] { open_source(kData + "animated.webp"); }, ErrorCode::unsupported,
               {"animated.webp: is an animated WebP"});
  expect_error([] { read_all(*open_pipe(kData + "animated.webp")); }, ErrorCode::unsupported,
               {"standard input: no frame could be decoded: libav does not read animated WebP"});
  for (const char* url : {"file:", "file://", "FILE://localhost"})
    EXPECT_EQ(read_all(*open_source(url + kData + "animated%2Epng")).pts.size(), 3U) << url;
  EXPECT_THAT(error_of([] { open_source("file://elsewhere/a.mp4"); }), HasSubstr("elsewhere"));
}

TEST(Damage, IsNamedAndTheRestIsGiven) {
  const Said said;
  const auto source = open_source(kData + "glitch.ts");
  EXPECT_EQ(read_all(*source).pts.size(), 75U);
  EXPECT_GT(source->damaged(), 0U);
  EXPECT_EQ(source->lost(), 0U) << "all are given";
  EXPECT_THAT(said.text(), HasSubstr("frame 40 of " + kData + "glitch.ts: a part of its data"));
}

TEST(Damage, OfTheFirstImageOfAPipeIsCounted) {
  const TemporaryFolder folder;
  image::write_image(folder / "a.png", numbered_image(64, 48, 1));
  const std::string whole = bytes_of(folder / "a.png");
  std::string damaged = whole;
  std::fill_n(damaged.begin() + 60, 20, 'U');  // within the pixels
  folder.write("images", damaged + whole + whole);
  const Said said;
  const auto source = open_pipe(folder / "images");
  EXPECT_EQ(read_all(*source).pts.size(), 2U);
  EXPECT_THAT(said.text(), HasSubstr("1 packet before the first whole frame"));
  EXPECT_EQ(source->lost(), 1U) << "no other frame would have helped";
}

TEST(Damage, OfTheLastImageOfAPipeIsNamed) {
  const TemporaryFolder folder;
  std::string images;
  for (int i = 0; i < 3; ++i) {
    image::write_image(folder / "a.png", numbered_image(64, 48, i));
    images += bytes_of(folder / "a.png");
  }
  folder.write("images", images.substr(0, images.size() - 60));
  const Said said;
  const auto source = open_pipe(folder / "images");
  EXPECT_EQ(read_all(*source).pts.size(), 2U);
  EXPECT_THAT(said.text(), HasSubstr("frame 3 of standard input: the decoder says"));
  EXPECT_EQ(source->lost(), 1U);
  EXPECT_EQ(source->damaged(), 0U);
}

TEST(Damage, IsOnlyNearAFrameWhereTheDecoderReordersThem) {
  const TemporaryFolder folder;
  std::string content = bytes_of(kData + "chapters.mp4");
  content.replace(5000, 40, 40, '\xFF');  // the size of one of the last packets
  folder.write("a.mp4", content);
  const Said said;
  EXPECT_EQ(read_all(*open_source(folder / "a.mp4")).pts.size(), 39U);
  EXPECT_THAT(said.text(), HasSubstr("near frame 20 of " + (folder / "a.mp4") + ": the decoder"));
  expect_error([&] { read_all(*open_source(folder / "a.mp4", {.strict = true})); },
               ErrorCode::corrupt_file, {"near frame 20 of "});
}

TEST(Damage, EndsAStrictSource) {
  const auto source = open_source(kData + "glitch.ts", {.strict = true});
  int frames = 0;
  expect_error(
      [&] {
        while (source->read()) ++frames;
      },
      ErrorCode::corrupt_file, {"frame 40 of "});
  EXPECT_EQ(frames, 39);
}

TEST(Damage, ThatTheDecoderRepairsEndsAStrictSourceEachTime) {
  const TemporaryFolder folder;
  std::string content = bytes_of(kData + "chapters.mp4");
  content.replace(4400, 12, 12, '\x55');  // within the pixels of frame 13
  folder.write("a.mp4", content);
  for (int i = 0; i < 10; ++i) {
    expect_error([&] { read_all(*open_source(folder / "a.mp4", {.strict = true})); },
                 ErrorCode::corrupt_file, {"frame 13 of ", "its data is damaged"});
  }
}

TEST(Colors, TransparencyIsLaidOnWhite) {
  for (const char* name : {"alpha.mov", "alpha.webm"}) {
    const Image image = open_source(kData + name)->read()->image();
    EXPECT_THAT(image.rgb, Each(::testing::Ge(250))) << name;
  }
}

TEST(Colors, HdrIsBroughtToSdr) {
  for (const char* name : {"pq.mkv", "hlg.mkv"}) {
    const Said said;
    const Image image = open_source(kData + name)->read()->image();
    EXPECT_THAT(image.rgb, Each(::testing::Ge(220))) << name;
    EXPECT_THAT(said.text(), HasSubstr("colors are brought to SDR")) << name;
  }
}

}  // namespace
}  // namespace streamdiffusion::media
