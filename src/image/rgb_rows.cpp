#include "image/rgb_rows.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "image/simd_rows.h"
#include "image/yuv_rows.h"

namespace streamdiffusion::image {
namespace {

/// bytes is 0 for a format of planes.
PackedLayout packed(PixelFormat format) {
  switch (format) {
    case PixelFormat::rgb:
      return {3, 0, 1, 2, -1};
    case PixelFormat::bgr:
      return {3, 2, 1, 0, -1};
    case PixelFormat::rgba:
    case PixelFormat::rgbx:
      return {4, 0, 1, 2, 3};
    case PixelFormat::bgra:
    case PixelFormat::bgrx:
      return {4, 2, 1, 0, 3};
    case PixelFormat::argb:
      return {4, 1, 2, 3, 0};
    case PixelFormat::nv12:
    case PixelFormat::i420:
      break;
  }
  return {};
}

/// Coefficients of a conversion between YUV and RGB (ITU-R BT.601-7, section 2.5; BT.709-6, 3.2 to
/// 3.5).
struct Matrix {
  YuvToRgb to_rgb;
  RgbToYuv to_yuv;
};

constexpr int fixed(double value, int fraction = 16) {
  return static_cast<int>(value * (1 << fraction) + (value < 0 ? -0.5 : 0.5));
}

constexpr Matrix make_matrix(double kr, double kb, bool full) {
  const double kg = 1 - kr - kb;
  const double luma = full ? 1.0 : 219.0 / 255, chroma = full ? 1.0 : 224.0 / 255;
  const double u = chroma / (2 * (1 - kb)), v = chroma / (2 * (1 - kr));
  constexpr int luma_bits = 15 + kYuvFraction - kLumaBits, half = 1 << (kYuvFraction - 1);
  constexpr int bits = 15 + kYuvFraction - kChromaBits;
  const int offset = full ? 0 : fixed(16 / luma, kYuvFraction);
  return {{half - offset, fixed(1 / luma, luma_bits), fixed(2 * (1 - kr) / chroma, bits),
           fixed(-2 * (1 - kb) * kb / kg / chroma, bits),
           fixed(-2 * (1 - kr) * kr / kg / chroma, bits), fixed(2 * (1 - kb) / chroma, bits)},
          {full ? 0 : 16,
           {fixed(kr * luma), fixed(kg * luma), fixed(kb * luma)},
           {fixed(-kr * u), fixed(-kg * u), fixed((1 - kb) * u)},
           {fixed((1 - kr) * v), fixed(-kg * v), fixed(-kb * v)}}};
}

const Matrix& matrix_of(YuvMatrix matrix, YuvRange range) {
  static constexpr Matrix k601 = make_matrix(0.299, 0.114, false),
                          k601Full = make_matrix(0.299, 0.114, true),
                          k709 = make_matrix(0.2126, 0.0722, false),
                          k709Full = make_matrix(0.2126, 0.0722, true);
  if (matrix == YuvMatrix::bt601) return range == YuvRange::full ? k601Full : k601;
  return range == YuvRange::full ? k709Full : k709;
}

/// Rows y and y + 1 of a frame of planes, or y alone where `below` is null, from column x on.
void read_yuv(const FrameView& frame, int x, std::ptrdiff_t y, int width, std::uint8_t* to,
              std::uint8_t* below) {
  const YuvToRgb& matrix = matrix_of(frame.matrix, frame.range).to_rgb;
  const bool interleaved = frame.format == PixelFormat::nv12;
  const auto row_of = [&](std::size_t plane, std::ptrdiff_t row) {
    return frame.planes[plane] + row * frame.strides[plane];
  };
  for (int done = 0; done < width;) {
    const int at = x + done, chroma = interleaved ? at / 2 * 2 : at / 2;
    // a pixel in an odd column is the second of its pair
    const int count = at % 2 != 0 ? 1 : width - done;
    const std::ptrdiff_t bytes = std::ptrdiff_t{3} * done;
    const YuvSource from{row_of(0, y) + at, below == nullptr ? nullptr : row_of(0, y + 1) + at,
                         row_of(1, y / 2) + chroma,
                         interleaved ? nullptr : row_of(2, y / 2) + chroma};
    yuv_to_rgb(from, static_cast<std::size_t>(count), matrix, to + bytes,
               below == nullptr ? nullptr : below + bytes);
    done += count;
  }
}

void write_yuv(ImageView image, const FrameTarget& target) {
  const RgbToYuv& matrix = matrix_of(target.matrix, target.range).to_yuv;
  const bool interleaved = target.format == PixelFormat::nv12;
  for (int y = 0; y < image.height; y += 2) {
    const std::ptrdiff_t below = y + 1 < image.height ? 1 : 0;
    const std::uint8_t* row = image.data + y * image.stride;
    std::uint8_t* luma = target.planes[0] + y * target.strides[0];
    std::uint8_t* u = target.planes[1] + y / 2 * target.strides[1];
    std::uint8_t* v = interleaved ? nullptr : target.planes[2] + y / 2 * target.strides[2];
    rgb_to_yuv(row, row + below * image.stride, static_cast<std::size_t>(image.width), matrix,
               {luma, luma + below * target.strides[0], u, v});
  }
}

template <typename Frame>
void check_planes(const Frame& frame) {
  base::require(frame.width > 0 && frame.height > 0, base::ErrorCode::invalid_argument,
                "the frame is ", frame.width, "x", frame.height, ", expected at least 1x1");
  const std::vector<Plane> planes = planes_of(frame.format, frame.width, frame.height);
  for (std::size_t i = 0; i < planes.size(); ++i) {
    base::require(frame.planes[i] != nullptr, base::ErrorCode::invalid_argument,
                  "the frame has no plane ", i, ", expected ", planes.size(), " of its format");
    if (planes[i].rows == 1) continue;
    const std::ptrdiff_t stride = frame.strides[i], least = planes[i].row_bytes,
                         most = PTRDIFF_MAX / planes[i].rows;  // no memory is larger
    const bool forward = stride >= least && stride <= most;
    const bool backward = stride <= -least && stride >= -most;
    base::require(forward || backward, base::ErrorCode::invalid_argument, "the stride of plane ", i,
                  " is ", stride, ", expected ", least, " to ", most, " bytes in either direction");
  }
}

}  // namespace

std::vector<Plane> planes_of(PixelFormat format, int width, int height) {
  const std::ptrdiff_t half = (std::ptrdiff_t{width} + 1) / 2;
  const int half_height = height / 2 + height % 2;
  if (format == PixelFormat::nv12) return {{width, height}, {2 * half, half_height}};
  if (format == PixelFormat::i420)
    return {{width, height}, {half, half_height}, {half, half_height}};
  return {{std::ptrdiff_t{width} * packed(format).bytes, height}};
}

void check(const FrameView& frame) {
  check_planes(frame);
}
void check(const FrameTarget& target) {
  check_planes(target);
}

RgbRows::RgbRows(const FrameView& frame, int x, int y, int width, int height)
    : frame_(frame), x_(x), y_(y), width_(width), height_(height) {}

const std::uint8_t* RgbRows::row(int y) {
  if (frame_.format == PixelFormat::rgb) {
    return frame_.planes[0] + (y_ + y) * frame_.strides[0] + std::ptrdiff_t{3} * x_;
  }
  converted_.resize(static_cast<std::size_t>(width_) * 3);
  copy_row(y, converted_.data());
  return converted_.data();
}

void copy(const RgbRows& rows, Image& image) {
  const std::size_t row = static_cast<std::size_t>(rows.width()) * 3;
  image.width = rows.width();
  image.height = rows.height();
  image.rgb.resize(row * static_cast<std::size_t>(rows.height()));
  for (int y = 0; y < rows.height();) {
    std::uint8_t* to = image.rgb.data() + static_cast<std::size_t>(y) * row;
    y += rows.copy_rows(y, to, to + row);
  }
}

void RgbRows::copy_row(int y, std::uint8_t* to) const {
  const std::ptrdiff_t line = y_ + y;
  const std::uint8_t* from = frame_.planes[0] + line * frame_.strides[0];
  const PackedLayout p = packed(frame_.format);
  if (frame_.format == PixelFormat::rgb) {
    std::memcpy(to, from + std::ptrdiff_t{3} * x_, static_cast<std::size_t>(width_) * 3);
  } else if (p.bytes > 0) {
    from += std::ptrdiff_t{p.bytes} * x_;
    packed_to_rgb(from, p, static_cast<std::size_t>(width_), to);
  } else {
    read_yuv(frame_, x_, line, width_, to, nullptr);
  }
}

int RgbRows::copy_rows(int y, std::uint8_t* to, std::uint8_t* below) const {
  const bool pair = packed(frame_.format).bytes == 0 && (y_ + y) % 2 == 0 && y + 1 < height_;
  if (pair) {
    read_yuv(frame_, x_, y_ + y, width_, to, below);
  } else {
    copy_row(y, to);
  }
  return pair ? 2 : 1;
}

void write_planes(ImageView image, const FrameTarget& target) {
  const PackedLayout p = packed(target.format);
  if (p.bytes == 0) return write_yuv(image, target);
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* row = image.data + y * image.stride;
    std::uint8_t* to = target.planes[0] + y * target.strides[0];
    if (target.format == PixelFormat::rgb) {
      std::memcpy(to, row, static_cast<std::size_t>(image.width) * 3);
    } else {
      rgb_to_packed(row, p, static_cast<std::size_t>(image.width), to);
    }
  }
}

}  // namespace streamdiffusion::image
