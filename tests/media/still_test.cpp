// Orientation and color profiles of still images that libav decodes, and of those on a pipe.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "media/frame_source.h"
#include "media/still_image.h"
#include "media/still_metadata.h"
#include "support/clips.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {
namespace {

using namespace streamdiffusion::testing;

std::span<const std::byte> span_of(const std::string& bytes) {
  return std::as_bytes(std::span(bytes));
}

/// As one reads the corners: r(ed), g(reen), b(lue), y(ellow).
std::string corners(const Image& image) {
  std::string seen;
  for (const auto& [x, y] : {std::pair(2, 2),
                             {image.width - 3, 2},
                             {2, image.height - 3},
                             {image.width - 3, image.height - 3}}) {
    const std::uint8_t* pixel = &image.rgb[3 * static_cast<std::size_t>(y * image.width + x)];
    const bool red = pixel[0] > 128, green = pixel[1] > 128;
    seen += red && green ? 'y' : red ? 'r' : green ? 'g' : 'b';
  }
  return seen;
}

/// Of the red quarter, which Adobe RGB calls 200, 30, 30: in sRGB it is redder.
int red_of(const Image& image) {
  int most = 0;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3)
    if (image.rgb[i + 1] < 128) most = std::max<int>(most, image.rgb[i]);
  return most;
}

Image from_pipe(const std::string& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(
      ::popen(("cat '" + file + "'").c_str(), "r"), ::pclose);
  const auto source = open_descriptor_source(::fileno(pipe.get()), "standard input", {});
  return source->read().value().image();
}

/// A quarter of each color, in the file's rows: red, blue; green, yellow. 6 is a turn to the right,
/// 7 a turn and a mirror (irot and imir).
TEST(Still, IsUprightInItsOwnColorsHoweverItIsRead) {
  struct Case {
    const char* name;
    const char* corners;
    bool adobe;
  };
  for (const Case& c : {Case{"turned6.tif", "gryb", true},
                        {"turned6.png", "gryb", true},
                        {"turned6.avif", "gryb", false},
                        {"turned7.avif", "ybgr", false},
                        {"adobe.avif", "rbgy", true}}) {
    const std::string file = kData + c.name;
    for (const Image& image :
         {read_still_image(file), open_source(file)->read()->image(), from_pipe(file)}) {
      EXPECT_EQ(corners(image), c.corners) << c.name;
      EXPECT_EQ(image.width < image.height, c.corners[0] != 'r') << c.name;
      EXPECT_NEAR(red_of(image), c.adobe ? 233 : 200, 2) << c.name;
    }
  }
}

const std::string kPointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";

TEST(Still, APointerOfGitLfsIsNamedWhateverTheInputIs) {
  const TemporaryFolder folder;
  const auto pointer = ::testing::HasSubstr("a pointer of Git LFS");
  for (const char* name : {"a.mp4", "a", "a.png", "a.tif", "a.heic", "a.y4m"}) {
    const std::string file = folder.write(name, kPointer).string();
    EXPECT_THAT(error_of([&] { open_source(file)->read()->image(); }), pointer) << name;
    EXPECT_THAT(error_of([&] { read_still_image(file); }), pointer) << name;
    EXPECT_THAT(error_of([&] { from_pipe(file); }), pointer) << name;
  }
  for (const char* format : {"rgb24", "y4m"}) {
    const int descriptor = ::open((folder / "a").c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_THAT(error_of([&] {
                  open_descriptor_source(descriptor, "raw",
                                         {.width = 4, .height = 4, .format = format});
                }),
                pointer)
        << format;
    ::close(descriptor);
  }
}

TEST(Still, WhatIsNoStillImageIsNamedWithWhatIsExpected) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& bytes) {
    return error_of([&] { read_still_image(folder.write("a", bytes)); });
  };
  for (const char* video : {"adts.ts", "alpha.mov", "alpha.webm", "pq.mkv"})
    EXPECT_THAT(error(bytes_of(kData + video)), ::testing::HasSubstr("`streamdiffusion run`"));
  EXPECT_THAT(error("YUV4MPEG2 W2 H2 F25:1\nFRAME\n"),
              ::testing::HasSubstr("`streamdiffusion run`"));
  for (const char* other : {"<svg>", "some text", "\1\2\3"})
    EXPECT_THAT(error(other),
                ::testing::AllOf(::testing::HasSubstr("TIFF"), ::testing::HasSubstr("AVIF"),
                                 ::testing::HasSubstr("BMP")));
  EXPECT_THAT(error(std::string(18, '\0')),
              ::testing::HasSubstr("expected a PNG, JPEG, WebP, GIF, TIFF"));
}

TEST(Still, AHeicThatLibavCannotReadIsNamed) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.heic", std::string("\0\0\0\x18"
                                                       "ftypheic\0\0\0\0mif1heic",
                                                       24));
  for (const auto& error :
       {error_of([&] { read_still_image(file); }), error_of([&] { open_source(file); }),
        error_of([&] { from_pipe(file); })})
    EXPECT_THAT(error, ::testing::HasSubstr("a HEIC image, which this libav does not read"));
}

TEST(Still, ADamagedHeaderIsNoHarm) {
  const std::string whole = bytes_of(kData + "turned7.avif");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const bool cut : {false, true}) {
      std::string bytes = cut ? whole.substr(0, i) : whole;
      if (!cut) bytes[i] = '\xff';
      const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> out) {
        base::require(offset <= bytes.size() && out.size() <= bytes.size() - offset,
                      base::ErrorCode::corrupt_file, "it ends");
        std::copy_n(span_of(bytes).begin() + static_cast<std::ptrdiff_t>(offset), out.size(),
                    out.begin());
      };
      try {
        const int turn = heif_metadata(Mp4File(read, bytes.size())).orientation;
        EXPECT_TRUE(turn >= 1 && turn <= 8);
      } catch (const Error&) {  // it ends
      }
    }
  }
}

TEST(Still, AProfileIsKnownByItsHeader) {
  std::string profile(200, '\1');
  profile.replace(0, 4, std::string("\0\0\0\xc8", 4)).replace(16, 4, "RGB ").replace(36, 4, "acsp");
  const std::string file = "acsp" + profile + "after";
  const auto found = find_profile(span_of(file));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(found.data()), found.size()), profile);
  EXPECT_TRUE(find_profile(span_of(profile.substr(0, 199))).empty()) << "it is cut off";
  profile.replace(16, 4, "what");
  EXPECT_TRUE(find_profile(span_of(profile)).empty());
  EXPECT_TRUE(find_profile(span_of("acsp")).empty());
}

TEST(Still, TwoTurnsAreOne) {
  EXPECT_EQ(joined_orientation(1, 1), 1);
  EXPECT_EQ(joined_orientation(6, 6), 3);
  EXPECT_EQ(joined_orientation(6, 8), 1);
  EXPECT_EQ(joined_orientation(8, 2), 7);
  EXPECT_EQ(joined_orientation(2, 8), 5);
}

}  // namespace
}  // namespace streamdiffusion::media
