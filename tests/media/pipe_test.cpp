// What comes through a pipe: what libav would have to go back in, and what is no longer whole.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "image/image_file.h"
#include "media/fed_pipe.h"
#include "media/film.h"
#include "media/frame_sink.h"
#include "media/frame_source.h"
#include "media/still_image.h"
#include "support/clips.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {
namespace {

using namespace streamdiffusion::testing;
using ::testing::HasSubstr;

std::size_t frames_from_pipe(const std::string& bytes) {
  const FedPipe pipe(bytes);
  return read_all(*open_descriptor_source(pipe.end(), "a pipe", {})).pts.size();
}

/// More than libav reads at once stands before the index.
std::string film_with_its_index_last() {
  std::string bytes = film("");
  const std::size_t index = bytes.find("moov") - 4;
  return bytes.insert(index, box("free", std::string(200'000, 'x')));
}

TEST(Pipe, AnMp4WithItsIndexBehindItsImagesIsRead) {
  EXPECT_EQ(frames_from_pipe(film_with_its_index_last()), kSamples);
}

TEST(Pipe, AnMp4ThatIsTooLongToGoBackInIsRefusedWithTheWayOut) {
  constexpr std::size_t kFar = std::size_t{65} << 20U;
  const std::string head = film("").substr(0, 60);
  const std::string bytes = box("ftyp", "qt  " + n32(0) + "qt  ") + n32(kFar) + "mdat" + head;
  expect_error([&] { frames_from_pipe(bytes); }, ErrorCode::unsupported,
               {"a pipe: is an MP4 with its index (moov) behind its images", "at most 64 MiB",
                "-movflags +faststart", "--input"});
}

TEST(Pipe, AnMp4ThatIsCutOffSaysWhatIsMissing) {
  const std::string bytes = film_with_its_index_last();
  expect_error([&] { frames_from_pipe(bytes.substr(0, 100'000)); }, ErrorCode::corrupt_file,
               {"its end, where the index (moov) stands, is missing"});
}

TEST(Pipe, ARedirectedFileIsReadAsTheFile) {
  const TemporaryFolder folder;
  folder.write("a.mov", film_with_its_index_last());
  const int descriptor = ::open((folder / "a.mov").c_str(), O_RDONLY | O_CLOEXEC);
  const auto source = open_descriptor_source(descriptor, "standard input", {});
  EXPECT_EQ(source->info().frames, kSamples);
  EXPECT_EQ(read_all(*source).pts.size(), kSamples);
  ::close(descriptor);
}

TEST(Pipe, WhatHasToBeReadAsAWholeIs) {
  const TemporaryFolder folder;
  EXPECT_EQ(frames_from_pipe(bytes_of(kData + "animated.png")), 3U);
  EXPECT_EQ(frames_from_pipe(bytes_of(clip(folder, "a.gif", 40))), 40U);
  EXPECT_EQ(frames_from_pipe(bytes_of(kData + "one.tif")), 1U);
}

TEST(Pipe, AnImageThatEndsEarlyIsNamed) {
  const TemporaryFolder folder;
  folder.write("a.tif", bytes_of(kData + "one.tif").substr(0, 100));
  expect_error([&] { read_still_image(folder / "a.tif"); }, ErrorCode::corrupt_file,
               {"a.tif: ", "no frame could be decoded"});
  EXPECT_EQ(read_still_image(kData + "one.tif").width, 16);
}

/// A clip of `frames` images with `to` in place of the FRAME that begins the one at `at`.
std::string broken_y4m(int frames, int at, const std::string& to) {
  std::string bytes = "YUV4MPEG2 W16 H16 F10:1 Ip A1:1 C420jpeg\n";
  for (int i = 0; i < frames; ++i) {
    bytes += (i == at ? to : "FRAME") + "\n" + std::string(16 * 16 * 3 / 2, '\x40');
  }
  return bytes;
}

TEST(Pipe, ABadFrameOfY4mIsToldOnceWithWhatIsExpected) {
  for (const int at : {0, 3}) {
    std::string said;
    base::set_log_callback([&](base::LogLevel, std::string_view line) { said.append(line); });
    expect_error([&] { frames_from_pipe(broken_y4m(6, at, "FRAMX")); }, ErrorCode::corrupt_file,
                 {"frame " + std::to_string(at + 1) +
                  " of a pipe: begins with \"FRAMX\", expected "
                  "the line FRAME"});
    base::set_log_callback({});
    EXPECT_EQ(said, "");
  }
}

}  // namespace
}  // namespace streamdiffusion::media
