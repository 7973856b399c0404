// Frames in every layout: to RGB, resized on the way, and back.
#include "streamdiffusion/frame.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "image/resize.h"
#include "image/rgb_rows.h"
#include "support/errors.h"

namespace streamdiffusion::image {
namespace {

using streamdiffusion::testing::expect_error;

constexpr PixelFormat kPackedFormats[] = {PixelFormat::rgb,  PixelFormat::bgr,  PixelFormat::rgba,
                                          PixelFormat::bgra, PixelFormat::rgbx, PixelFormat::bgrx,
                                          PixelFormat::argb};

Image colorful(int width, int height) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i * 37 % 251));
  return image;
}

/// Memory for a frame with rows that are longer than they need be.
struct Buffer {
  Buffer(PixelFormat format, int width, int height, bool bottom_up = false) {
    target = {.format = format, .width = width, .height = height};
    const std::vector<Plane> planes = planes_of(format, width, height);
    for (std::size_t i = 0; i < planes.size(); ++i) {
      const std::ptrdiff_t stride = planes[i].row_bytes + 5;
      bytes[i].assign(static_cast<std::size_t>(stride * planes[i].rows), 77);
      target.planes[i] = bytes[i].data() + (bottom_up ? stride * (planes[i].rows - 1) : 0);
      target.strides[i] = bottom_up ? -stride : stride;
    }
  }
  FrameView view() const {
    FrameView view;
    view.format = target.format;
    view.width = target.width;
    view.height = target.height;
    for (std::size_t i = 0; i < view.planes.size(); ++i) view.planes[i] = target.planes[i];
    view.strides = target.strides;
    view.matrix = target.matrix;
    view.range = target.range;
    return view;
  }
  FrameTarget target;
  std::vector<std::uint8_t> bytes[3];
};

TEST(Frame, KeepsEveryPixelInEveryPackedLayout) {
  const Image image = colorful(7, 5);
  for (const PixelFormat format : kPackedFormats) {
    for (const bool bottom_up : {false, true}) {
      Buffer buffer(format, 7, 5, bottom_up);
      write(image, buffer.target);
      EXPECT_EQ(to_image(buffer.view()).rgb, image.rgb) << static_cast<int>(format) << bottom_up;
    }
  }
}

TEST(Frame, LiesInMemoryAsItsNameSays) {
  const Image pixel{1, 1, {1, 2, 3}};
  const std::vector<std::vector<std::uint8_t>> expected = {
      {1, 2, 3},      {3, 2, 1},      {1, 2, 3, 255}, {3, 2, 1, 255},
      {1, 2, 3, 255}, {3, 2, 1, 255}, {255, 1, 2, 3}};
  for (const PixelFormat format : kPackedFormats) {
    std::vector<std::uint8_t> bytes(expected[static_cast<std::size_t>(format)].size());
    write(pixel, {.format = format, .width = 1, .height = 1, .planes = {bytes.data()}});
    EXPECT_EQ(bytes, expected[static_cast<std::size_t>(format)]) << static_cast<int>(format);
  }
}

TEST(Frame, LeavesTheEndsOfLongRowsAlone) {
  Buffer buffer(PixelFormat::rgba, 3, 2);
  write(colorful(3, 2), buffer.target);
  for (const int at : {12, 16, 29, 33})
    EXPECT_EQ(buffer.bytes[0][static_cast<std::size_t>(at)], 77);
}

struct YuvCase {
  YuvMatrix matrix;
  YuvRange range;
  std::vector<std::uint8_t> rgb, yuv;
};

/// By hand from ITU-R BT.601-7 and BT.709-6: white, black, and pure red, green and blue.
const YuvCase kYuvCases[] = {
    {YuvMatrix::bt601, YuvRange::limited, {255, 255, 255}, {235, 128, 128}},
    {YuvMatrix::bt601, YuvRange::limited, {0, 0, 0}, {16, 128, 128}},
    {YuvMatrix::bt601, YuvRange::limited, {255, 0, 0}, {81, 90, 240}},
    {YuvMatrix::bt601, YuvRange::limited, {0, 255, 0}, {145, 54, 34}},
    {YuvMatrix::bt601, YuvRange::limited, {0, 0, 255}, {41, 240, 110}},
    {YuvMatrix::bt709, YuvRange::limited, {255, 0, 0}, {63, 102, 240}},
    {YuvMatrix::bt709, YuvRange::limited, {0, 255, 0}, {173, 42, 26}},
    {YuvMatrix::bt601, YuvRange::full, {255, 0, 0}, {76, 85, 255}},
    {YuvMatrix::bt709, YuvRange::full, {0, 0, 255}, {18, 255, 116}},
};

TEST(Frame, HasTheColorsOfTheStandards) {
  for (const YuvCase& c : kYuvCases) {
    Buffer buffer(PixelFormat::i420, 2, 2);
    buffer.target.matrix = c.matrix;
    buffer.target.range = c.range;
    Image image{2, 2, {}};
    for (int i = 0; i < 4; ++i) image.rgb.insert(image.rgb.end(), c.rgb.begin(), c.rgb.end());
    write(image, buffer.target);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(buffer.bytes[i][0], c.yuv[i]) << i;
    const Image back = to_image(buffer.view());
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_LE(std::abs(back.rgb[i] - c.rgb[i]), 2) << int(c.rgb[0]) << " " << i;
  }
}

TEST(Frame, OfTwoAndOfThreePlanesAreTheSame) {
  for (const auto& [width, height] :
       {std::pair{7, 5}, {8, 6}, {1, 1}, {2, 1}, {1, 2}, {64, 4}, {101, 7}}) {
    const Image image = colorful(width, height);
    Buffer nv12(PixelFormat::nv12, width, height), i420(PixelFormat::i420, width, height, true);
    write(image, nv12.target);
    write(image, i420.target);
    EXPECT_EQ(to_image(nv12.view()).rgb, to_image(i420.view()).rgb) << width << "x" << height;
  }
}

struct Standard {
  YuvMatrix matrix;
  YuvRange range;
  double kr, kb;
};
constexpr Standard kStandards[] = {{YuvMatrix::bt601, YuvRange::limited, 0.299, 0.114},
                                   {YuvMatrix::bt601, YuvRange::full, 0.299, 0.114},
                                   {YuvMatrix::bt709, YuvRange::limited, 0.2126, 0.0722},
                                   {YuvMatrix::bt709, YuvRange::full, 0.2126, 0.0722}};

/// From the definitions, a pixel at a time: every width has whole vectors and a rest.
TEST(Frame, HasEveryPixelOfYuvRoundedToTheNearest) {
  for (const Standard& s : kStandards) {
    for (const int width : {1, 15, 16, 17, 32, 33, 64, 95}) {
      Image image = colorful(width, 3);
      for (std::size_t i = 0; i < image.rgb.size(); i += 5) image.rgb[i] = i % 2 == 0 ? 0 : 255;
      Buffer buffer(PixelFormat::nv12, width, 3);
      buffer.target.matrix = s.matrix;
      buffer.target.range = s.range;
      write(image, buffer.target);
      const bool full = s.range == YuvRange::full;
      const double luma = full ? 1 : 219.0 / 255, chroma = full ? 1 : 224.0 / 255;
      for (int y = 0; y < 3; ++y) {
        for (int x = 0; x < width; ++x) {
          const auto mean = [&](int c, bool four) {
            double sum = 0;
            for (const int dy : {0, 1}) {
              for (const int dx : {0, 1}) {
                const int row = four ? std::min(y / 2 * 2 + dy, 2) : y;
                const int column = four ? std::min(x / 2 * 2 + dx, width - 1) : x;
                sum += image.rgb[static_cast<std::size_t>((row * width + column) * 3 + c)];
              }
            }
            return sum / 4;
          };
          const auto gray = [&](bool four) {
            return s.kr * mean(0, four) + (1 - s.kr - s.kb) * mean(1, four) + s.kb * mean(2, four);
          };
          const double u = (mean(2, true) - gray(true)) / (2 * (1 - s.kb)) * chroma + 128;
          const double v = (mean(0, true) - gray(true)) / (2 * (1 - s.kr)) * chroma + 128;
          const std::uint8_t* at_y = buffer.target.planes[0] + y * buffer.target.strides[0] + x;
          const std::uint8_t* at_uv =
              buffer.target.planes[1] + y / 2 * buffer.target.strides[1] + x / 2 * 2;
          constexpr double most = 0.5 + 0.01;  // and what 16 bits of the fraction leave
          ASSERT_NEAR(*at_y, gray(false) * luma + (full ? 0 : 16), most) << width << " " << x;
          ASSERT_NEAR(at_uv[0], std::min(u, 255.0), most) << width << " " << x;
          ASSERT_NEAR(at_uv[1], std::min(v, 255.0), most) << width << " " << x;
        }
      }
      for (std::size_t plane = 0; plane < 2; ++plane)
        EXPECT_EQ(buffer.bytes[plane].back(), 77) << "the end of a long row";
    }
  }
}

/// From the definitions. All 2^24 colors of all standards are at most 0.576 off.
TEST(Frame, IsReadFromYuvRoundedToTheNearestOrNextToIt) {
  for (const Standard& s : kStandards) {
    const bool full = s.range == YuvRange::full;
    const double luma = full ? 1 : 219.0 / 255, chroma = full ? 1 : 224.0 / 255;
    const double kg = 1 - s.kr - s.kb;
    for (const PixelFormat format : {PixelFormat::nv12, PixelFormat::i420}) {
      for (const int width : {1, 15, 64, 65, 131}) {
        Buffer buffer(format, width, 5);
        for (auto& plane : buffer.bytes)
          for (std::size_t i = 0; i < plane.size(); ++i)
            plane[i] = static_cast<std::uint8_t>((i * 2654435761U + plane.size()) >> 7U);
        FrameView view = buffer.view();
        view.matrix = s.matrix;
        view.range = s.range;
        const Image image = to_image(view);
        for (int y = 0; y < 5; ++y) {
          for (int x = 0; x < width; ++x) {
            const std::uint8_t* us = view.planes[1] + y / 2 * view.strides[1];
            const std::uint8_t* vs =
                format == PixelFormat::nv12 ? us + 1 : view.planes[2] + y / 2 * view.strides[2];
            const int at = format == PixelFormat::nv12 ? x / 2 * 2 : x / 2;
            const double gray =
                (view.planes[0][y * view.strides[0] + x] - (full ? 0.0 : 16.0)) / luma;
            const double du = (us[at] - 128) / chroma, dv = (vs[at] - 128) / chroma;
            const double r = gray + 2 * (1 - s.kr) * dv, b = gray + 2 * (1 - s.kb) * du;
            const double g = gray - (s.kr * 2 * (1 - s.kr) * dv + s.kb * 2 * (1 - s.kb) * du) / kg;
            constexpr double most = 0.58;
            const std::uint8_t* pixel = &image.rgb[static_cast<std::size_t>((y * width + x) * 3)];
            ASSERT_NEAR(pixel[0], std::clamp(r, 0.0, 255.0), most) << width << " " << x;
            ASSERT_NEAR(pixel[1], std::clamp(g, 0.0, 255.0), most) << width << " " << x;
            ASSERT_NEAR(pixel[2], std::clamp(b, 0.0, 255.0), most) << width << " " << x;
          }
        }
      }
    }
  }
}

TEST(Frame, IsConvertedOnTheWayToAnotherSize) {
  for (const Fit mode : {Fit::cover, Fit::contain, Fit::stretch}) {
    for (const PixelFormat format : {PixelFormat::bgra, PixelFormat::nv12, PixelFormat::i420}) {
      Buffer buffer(format, 31, 17, true);
      write(colorful(31, 17), buffer.target);
      const Image whole = to_image(buffer.view());
      EXPECT_EQ(fit(buffer.view(), 12, 16, mode).rgb, fit(whole, 12, 16, mode).rgb)
          << static_cast<int>(format);
    }
  }
}

TEST(Frame, IsWrittenInTheSizeOfItsTarget) {
  const Image image = colorful(8, 8);
  Buffer buffer(PixelFormat::rgb, 5, 3);
  write(image, buffer.target);
  EXPECT_EQ(to_image(buffer.view()).rgb, resize(image, 5, 3).rgb);
}

TEST(Frame, NamesWhatIsMissing) {
  const auto broken = [](auto change) {
    return [change] {
      Buffer buffer(PixelFormat::nv12, 6, 4);
      FrameView view = buffer.view();
      change(view);
      to_image(view);
    };
  };
  const auto code = ErrorCode::invalid_argument;
  expect_error(broken([](FrameView& v) { v.planes[1] = nullptr; }), code, {"no plane 1", "2"});
  expect_error(broken([](FrameView& v) { v.strides[0] = 5; }), code,
               {"plane 0 is 5", "expected 6 to"});
  expect_error(broken([](FrameView& v) { v.strides[1] = -5; }), code, {"plane 1 is -5"});
  expect_error(broken([](FrameView& v) { v.width = 0; }), code, {"0x4", "at least 1x1"});
}

}  // namespace
}  // namespace streamdiffusion::image
