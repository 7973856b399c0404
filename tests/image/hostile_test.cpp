// Files that ask for far more than their pixels are worth: what decoding them may allocate, and
// what looking at their size may cost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <span>
#include <utility>

#include "image/codecs.h"
#include "image/files.h"
#include "support/errors.h"

namespace streamdiffusion::image {
namespace {

using streamdiffusion::testing::error_of;
using ::testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

std::size_t peak_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

/// By how much the memory in use grows at most while `action` runs. In a process of its own: this
/// one's highest point may lie behind it.
std::size_t growth(const std::function<void()>& action) {
  int ends[2];
  if (::pipe(ends) != 0) return 0;
  const pid_t child = ::fork();
  if (child == 0) {
    const std::size_t before = peak_bytes();
    action();
    const std::size_t grown = peak_bytes() - before;
    const bool told = ::write(ends[1], &grown, sizeof grown) == sizeof grown;
    ::_exit(told && !::testing::Test::HasFailure() ? 0 : 1);
  }
  std::size_t grown = SIZE_MAX;
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(::read(ends[0], &grown, sizeof grown), static_cast<ssize_t>(sizeof grown));
  ::close(ends[0]);
  ::close(ends[1]);
  return grown;
}

/// 64x64 pixels, and before them so many texts that inflate to 8 MB each.
std::vector<std::byte> text_bomb(const std::string& type, const std::string& keyword, int count) {
  const std::string packed = deflated(std::string(7'900'000, 'A'));
  const std::string prefix =
      keyword + (type == "zTXt" ? std::string("\0\0", 2) : std::string("\0\1\0\0\0", 5));
  std::string chunks;
  for (int i = 0; i < count; ++i) chunks += png_chunk(type, prefix + packed);
  return png_file({.width = 64, .height = 64, .pixel = "\x10\x20\x30", .chunks = chunks});
}

TEST(Hostile, CompressedTextsOfAPngAreNotInflatedWhole) {
  for (const auto& [type, keyword] :
       {std::pair("zTXt", "k"), std::pair("iTXt", "k"), std::pair("zTXt", "Raw profile type exif"),
        std::pair("iTXt", "XML:com.adobe.xmp")}) {
    const std::vector<std::byte> file = text_bomb(type, keyword, 40);  // 316 MB, from 300 kB
    const auto decode = [&] {
      EXPECT_EQ(read_image_size(file, "bomb").width, 64);
      EXPECT_EQ(decode_image(file, "bomb").rgb[0], 0x10);
    };
    EXPECT_LT(growth(decode), 16 * kMiB) << type;
  }
}

TEST(Hostile, AProfileThatInflatesWithoutEndIsPassedOver) {
  const std::string packed = deflated(std::string(200 * kMiB, 'A'));
  const std::vector<std::byte> file = png_file(
      {.pixel = "\x10\x20\x30", .chunks = png_chunk("iCCP", std::string("p\0\0", 3) + packed)});
  const auto decode = [&] {
    std::string warning;
    const DecodeOptions options{.warn = [&](const std::string& text) { warning = text; }};
    EXPECT_EQ(decode_image(file, "bomb", options).rgb[0], 0x10);
    EXPECT_THAT(warning, HasSubstr("bomb: its color profile cannot be read"));
  };
  EXPECT_LT(growth(decode), 48 * kMiB);
}

/// A gray PNG whose pixels count on from the first, with so many further bytes behind them that
/// inflate to `surplus`.
std::vector<std::byte> counting_png(int width, int height, bool interlaced, std::size_t surplus) {
  struct Pass {
    int x, y, step_x, step_y;
  };
  const Pass adam7[]{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                     {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  const Pass whole[]{{0, 0, 1, 1}};
  std::string rows;
  for (const Pass& pass : interlaced ? std::span<const Pass>(adam7) : std::span(whole)) {
    for (int y = pass.y; y < height && pass.x < width; y += pass.step_y) {
      rows += '\0';
      for (int x = pass.x; x < width; x += pass.step_x) rows += static_cast<char>(y * width + x);
    }
  }
  const std::string header = big_endian(static_cast<std::uint32_t>(width)) +
                             big_endian(static_cast<std::uint32_t>(height)) +
                             std::string(interlaced ? "\x08\0\0\0\1" : "\x08\0\0\0\0", 5);
  return bytes_of("\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) +
                  png_chunk("IDAT", deflated(rows + std::string(surplus, '\0'))) +
                  png_chunk("IEND", ""));
}

/// Decodes a counting_png(), looks at its pixels and gives the warning.
std::string warning_of(const std::vector<std::byte>& file) {
  std::string warning;
  const DecodeOptions options{.warn = [&](const std::string& text) { warning += text; }};
  const Image image = decode_image(file, "bomb", options);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) EXPECT_EQ(image.rgb[i], i / 3) << i;
  return warning;
}

TEST(Hostile, PixelsThatInflateWithoutEndAreNotInflated) {
  const std::string said = "bomb: holds more data than its pixels need; the rest is not read";
  for (const bool interlaced : {false, true}) {
    for (int width = 1; width <= 10; ++width) {
      for (int height = 1; height <= 10; ++height) {
        SCOPED_TRACE(::testing::Message() << width << 'x' << height << ' ' << interlaced);
        EXPECT_EQ(warning_of(counting_png(width, height, interlaced, 0)), "");
        EXPECT_EQ(warning_of(counting_png(width, height, interlaced, 1000)), "");
      }
    }
    // What the reader still holds when it has the last row is 8 KiB: 8 MB of these.
    for (const auto& [width, height] : {std::pair{1, 1}, {1, 9}, {9, 1}, {8, 8}, {9, 9}, {5, 6}}) {
      EXPECT_EQ(warning_of(counting_png(width, height, interlaced, 40 * kMiB)), said)
          << width << 'x' << height << ' ' << interlaced;
    }
  }
}

TEST(Hostile, ASizeOverTheLimitIsRefusedBeforeAnythingIsAllocated) {
  const auto small = png_file({.pixel = "abc"});
  const std::string header = big_endian(16000) + big_endian(16000) + std::string("\x08\2\0\0\0", 5);
  const std::string start = "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header);
  const std::vector<std::byte> file = bytes_of(start + png_chunk("IDAT", deflated("x")));
  EXPECT_EQ(read_image_size(bytes_of(start), "large").width, 16000) << "the header is enough";
  const auto decode = [&] {
    EXPECT_THAT(error_of([&] { decode_image(file, "large", {.max_pixels = 1 << 20}); }),
                HasSubstr("large: the image is 16000x16000, at most 16384 a side and 1048576"));
  };
  EXPECT_LT(growth(decode), 16 * kMiB);
  EXPECT_THAT(error_of([&] { decode_image(small, "small", {.max_pixels = 0}); }),
              HasSubstr("at most 16384 a side and 0 pixels"));
}

TEST(Hostile, TheSizeOfAJpegIsReadBehindLargeSegments) {
  std::string segments;
  for (int i = 0; i < 100; ++i) segments += jpeg_segment(0xed, std::string(60000, '\xff'));
  // a thumbnail's frame header inside a segment is no frame header
  segments += jpeg_segment(0xe1, std::string("\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0", 13));
  const std::vector<std::byte> jpeg =
      with_segments(encode_jpeg(flat(40, 24, 1, 2, 3), 95), segments);
  EXPECT_EQ(read_image_size(jpeg, "a.jpg").width, 40);
  EXPECT_EQ(read_image_size(jpeg, "a.jpg").height, 24);
  EXPECT_EQ(decode_image(jpeg, "a.jpg").width, 40);
  for (std::size_t size = 0; size < 600; ++size) {
    const std::vector<std::byte> part(jpeg.begin(),
                                      jpeg.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(error_of([&] { read_image_size(part, "a.jpg"); }), "") << size;
  }
}

}  // namespace
}  // namespace streamdiffusion::image
