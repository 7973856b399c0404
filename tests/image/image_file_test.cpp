// Reading and writing of image files.
#include "image/image_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "image/codecs.h"
#include "image/files.h"
#include "image/image_format.h"
#include "image/resize.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::image {
namespace {

using base::Error;
using base::ErrorCode;

/// Red grows to the right, green downwards; blue marks the top left corner.
Image gradient(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.rgb.push_back(static_cast<std::uint8_t>(255 * x / std::max(width - 1, 1)));
      image.rgb.push_back(static_cast<std::uint8_t>(255 * y / std::max(height - 1, 1)));
      image.rgb.push_back(static_cast<std::uint8_t>(x < width / 2 && y < height / 2 ? 255 : 0));
    }
  }
  return image;
}

int at(const Image& image, int x, int y, int c) {
  return image.rgb[3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                        static_cast<std::size_t>(x)) +
                   static_cast<std::size_t>(c)];
}

TEST(Png, SurvivesTheRoundTrip) {
  const Image image = gradient(37, 21);
  const Image again = decode_image(encode_png(image), "a.png");
  EXPECT_EQ(again.width, 37);
  EXPECT_EQ(again.rgb, image.rgb);
}

TEST(Jpeg, ComesBackNearly) {
  const Image image = gradient(64, 48);
  const Image again = decode_image(encode_jpeg(image, 95), "a.jpg");
  double sum = 0;
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    sum += std::abs(int{image.rgb[i]} - int{again.rgb[i]});
  EXPECT_LT(sum / static_cast<double>(image.rgb.size()), 6.0);
}

void expect_refused(std::vector<std::byte> bytes, ErrorCode code, const char* what) {
  try {
    decode_image(bytes, "bad.file");
    FAIL() << what << " was decoded";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << what << ": " << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr("bad.file")) << what;
  }
}

TEST(DecodeImage, RefusesWhatIsNoImage) {
  const std::vector<std::byte> png = encode_png(gradient(64, 64)),
                               jpeg = encode_jpeg(gradient(64, 64), 90);
  const auto part = [](const std::vector<std::byte>& whole, std::size_t size) {
    return std::vector<std::byte>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
  };
  const auto with = [](std::vector<std::byte> whole, std::size_t place, std::byte value) {
    whole[place] = value;
    return whole;
  };
  expect_refused({}, ErrorCode::corrupt_file, "nothing");
  expect_refused(bytes_of("GIF89a......"), ErrorCode::unsupported, "a GIF");
  expect_refused(bytes_of("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n"),
                 ErrorCode::corrupt_file, "a pointer of Git LFS");
  expect_refused(part(png, 8), ErrorCode::corrupt_file, "a PNG signature");
  expect_refused(part(png, png.size() / 2), ErrorCode::corrupt_file, "half a PNG");
  expect_refused(with(png, 20, std::byte{0x7f}), ErrorCode::corrupt_file,
                 "a PNG with a wrong header checksum");
  expect_refused(with(png, 60, static_cast<std::byte>(~std::to_integer<unsigned>(png[60]))),
                 ErrorCode::corrupt_file, "a PNG with a flipped byte");
  expect_refused(part(jpeg, 4), ErrorCode::corrupt_file, "a JPEG signature");
  expect_refused(part(jpeg, jpeg.size() / 4), ErrorCode::corrupt_file, "a JPEG without pixels");
  const auto scan = std::ranges::search(jpeg, bytes_of("\xff\xda")).begin() - jpeg.begin();
  EXPECT_THAT(streamdiffusion::testing::error_of(
                  [&] { decode_image(part(jpeg, static_cast<std::size_t>(scan)), "a.jpg"); }),
              ::testing::HasSubstr("a.jpg: ends before its pixels begin"));
}

TEST(WriteImage, NamesThePathItCannotWrite) {
  const Image image = gradient(4, 4);
  EXPECT_THROW(write_image("no/such/folder/a.png", image), Error);
  for (const char* name : {"a.bmp", "a.gif", "a.tiff", "a", "a.png.txt"})
    EXPECT_THROW(write_image(name, image), Error) << name;
}

TEST(WriteImage, WritesTheFormatThatTheNameAsksFor) {
  const streamdiffusion::testing::TemporaryFolder folder;
  const std::pair<const char*, Format> cases[]{{"a.png", Format::png},   {"a.PNG", Format::png},
                                               {"a.jpg", Format::jpeg},  {"a.Jpeg", Format::jpeg},
                                               {"a.webp", Format::webp}, {"a.WEBP", Format::webp}};
  for (const auto& [name, format] : cases) {
    write_image(folder / name, flat(9, 5, 250, 20, 30));
    std::ifstream file(folder / name, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(format_of(bytes_of(text)), format) << name;
    EXPECT_NEAR(read_image(folder / name).rgb[0], 250, 8) << name;
  }
}

TEST(WriteImage, NamesTheFileThatIsTooLargeForItsFormat) {
  const streamdiffusion::testing::TemporaryFolder folder;
  EXPECT_THAT(
      streamdiffusion::testing::error_of(
          [&] { write_image(folder / "a.webp", flat(1, 16384, 1, 2, 3)); }),
      ::testing::HasSubstr("a.webp: a WebP image of 1x16384 cannot be written, at most 16383"));
}

TEST(WriteImage, LeavesNothingButTheFile) {
  const streamdiffusion::testing::TemporaryFolder folder;
  write_image(folder / "a.png", gradient(5, 7));
  EXPECT_EQ(read_image(folder / "a.png").height, 7);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Resize, KeepsAFlatImageFlat) {
  const Image flat{40, 30, std::vector<std::uint8_t>(40 * 30 * 3, 77)};
  for (const auto& [w, h] : {std::pair(13, 7), std::pair(80, 91), std::pair(40, 30)}) {
    for (const std::uint8_t value : resize(flat, w, h).rgb) ASSERT_EQ(value, 77);
  }
}

TEST(Fit, CoverCutsContainPadsStretchStretches) {
  const Image wide{40, 20, std::vector<std::uint8_t>(40 * 20 * 3, 200)};
  for (const Fit how : {Fit::cover, Fit::contain, Fit::stretch}) {
    const Image out = fit(wide, 16, 16, how);
    EXPECT_EQ(out.width, 16);
    EXPECT_EQ(out.height, 16);
    EXPECT_EQ(at(out, 8, 0, 0), how == Fit::contain ? 0 : 200);
    EXPECT_EQ(at(out, 8, 8, 0), 200);
  }
  const Image gradient_wide = gradient(64, 16);
  EXPECT_GT(at(fit(gradient_wide, 16, 16, Fit::cover), 0, 8, 0), 80);
  EXPECT_LT(at(fit(gradient_wide, 16, 16, Fit::stretch), 0, 8, 0), 20);
}

}  // namespace
}  // namespace streamdiffusion::image
