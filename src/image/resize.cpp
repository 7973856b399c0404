// Separable resampling in f32: first along rows, then along columns, each with a table of taps.
#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "image/rgb_rows.h"

namespace streamdiffusion::image {
namespace {

/// Keys' cubic convolution kernel, nonzero in -2..2.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

/// For each output sample, the input samples it is computed from and their weights.
struct Taps {
  struct Window {
    int first = 0, count = 0;
    /// Index of the first of `count` entries in Taps::weights.
    std::size_t weights = 0;
  };
  std::vector<Window> windows;
  std::vector<float> weights;
};

Taps make_taps(int in, int out) {
  const double scale = static_cast<double>(in) / out, support_scale = std::max(scale, 1.0);
  Taps taps;
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - 2 * support_scale + 0.5));
    const int last = std::min(in, static_cast<int>(center + 2 * support_scale + 0.5));
    const std::size_t at = taps.weights.size();
    double sum = 0;
    for (int j = first; j < last; ++j) sum += cubic((j + 0.5 - center) / support_scale);
    for (int j = first; j < last; ++j)
      taps.weights.push_back(static_cast<float>(cubic((j + 0.5 - center) / support_scale) / sum));
    taps.windows.push_back({first, last - first, at});
  }
  return taps;
}

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
}

void resize_row(const std::uint8_t* from, const Taps& taps, float* to) {
  for (const Taps::Window& window : taps.windows) {
    float sum[3] = {0, 0, 0};
    for (int j = 0; j < window.count; ++j) {
      const float weight = taps.weights[window.weights + static_cast<std::size_t>(j)];
      const std::uint8_t* pixel = from + std::ptrdiff_t{3} * (window.first + j);
      for (int c = 0; c < 3; ++c) sum[c] += weight * static_cast<float>(pixel[c]);
    }
    for (int c = 0; c < 3; ++c) *to++ = std::clamp(sum[c], 0.0F, 255.0F);
  }
}

/// The central width x height of a frame.
RgbRows center_crop(const FrameView& frame, int width, int height) {
  return {frame, (frame.width - width) / 2, (frame.height - height) / 2, width, height};
}

Image resize(RgbRows rows, int width, int height) {
  if (rows.width() == width && rows.height() == height) {
    Image same;
    copy(rows, same);
    return same;
  }
  const Taps horizontal = make_taps(rows.width(), width),
             vertical = make_taps(rows.height(), height);
  const std::size_t row = static_cast<std::size_t>(width) * 3;
  std::vector<float> resized_rows(row * static_cast<std::size_t>(rows.height()));
  for (int y = 0; y < rows.height(); ++y) {
    resize_row(rows.row(y), horizontal, resized_rows.data() + static_cast<std::size_t>(y) * row);
  }
  Image out{width, height, std::vector<std::uint8_t>(row * static_cast<std::size_t>(height))};
  std::vector<float> sum(row);
  for (int y = 0; y < height; ++y) {
    const Taps::Window& window = vertical.windows[static_cast<std::size_t>(y)];
    std::fill(sum.begin(), sum.end(), 0.0F);
    for (int j = 0; j < window.count; ++j) {
      const float weight = vertical.weights[window.weights + static_cast<std::size_t>(j)];
      const float* from = resized_rows.data() + static_cast<std::size_t>(window.first + j) * row;
      for (std::size_t i = 0; i < row; ++i) sum[i] += weight * from[i];
    }
    std::uint8_t* to = out.rgb.data() + static_cast<std::size_t>(y) * row;
    for (std::size_t i = 0; i < row; ++i) to[i] = to_byte(sum[i]);
  }
  return out;
}

/// `inner` in the center of a black image.
Image letterbox(ImageView inner, int width, int height) {
  Image image{width, height, {}};
  image.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, 0);
  const int x = (width - inner.width) / 2, y = (height - inner.height) / 2;
  for (int row = 0; row < inner.height; ++row) {
    std::memcpy(image.rgb.data() +
                    3 * (static_cast<std::size_t>(y + row) * static_cast<std::size_t>(width) +
                         static_cast<std::size_t>(x)),
                inner.data + row * inner.stride, static_cast<std::size_t>(inner.width) * 3);
  }
  return image;
}

}  // namespace

Image resize(const FrameView& frame, int width, int height) {
  check(frame);
  base::require(width > 0 && height > 0, base::ErrorCode::invalid_argument, "cannot resize ",
                frame.width, "x", frame.height, " to ", width, "x", height);
  return resize(RgbRows(frame), width, height);
}

Image fit(const FrameView& frame, int width, int height, Fit mode) {
  check(frame);
  if (mode == Fit::stretch) return resize(frame, width, height);
  const double scale_x = static_cast<double>(width) / frame.width,
               scale_y = static_cast<double>(height) / frame.height;
  const auto side = [](double length, int max) {
    return std::clamp(static_cast<int>(std::lround(length)), 1, max);
  };
  if (mode == Fit::cover) {
    const double scale = std::max(scale_x, scale_y);
    return resize(
        center_crop(frame, side(width / scale, frame.width), side(height / scale, frame.height)),
        width, height);
  }
  const double scale = std::min(scale_x, scale_y);
  const Image inner =
      resize(frame, side(frame.width * scale, width), side(frame.height * scale, height));
  return letterbox(inner, width, height);
}

Image central_square(const FrameView& frame, int side) {
  check(frame);
  const std::int64_t shorter = std::min(frame.width, frame.height);
  const auto scaled = [&](int length) {
    return static_cast<int>(std::int64_t{side} * length / shorter);
  };
  const Image whole = resize(frame, scaled(frame.width), scaled(frame.height));
  return resize(center_crop(ImageView(whole), side, side), side, side);
}

}  // namespace streamdiffusion::image

namespace streamdiffusion {

Image to_image(const FrameView& frame) {
  return image::resize(frame, frame.width, frame.height);
}

void write(ImageView image, const FrameTarget& target) {
  image::check(target);
  if (image.width == target.width && image.height == target.height)
    return image::write_planes(image, target);
  const Image resized = image::resize(image, target.width, target.height);
  image::write_planes(resized, target);
}

}  // namespace streamdiffusion
