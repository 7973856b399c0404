// Separable resampling in f32: first along rows, then along columns, each with a table of taps.
#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"

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

/// The central width x height of an image.
ImageView center_crop(ImageView image, int width, int height) {
  const int x = (image.width - width) / 2, y = (image.height - height) / 2;
  return {image.data + y * image.stride + std::ptrdiff_t{3} * x, width, height, image.stride};
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

Image copy(ImageView view) {
  Image image{view.width, view.height, {}};
  const std::size_t row = static_cast<std::size_t>(view.width) * 3;
  image.rgb.resize(row * static_cast<std::size_t>(view.height));
  for (int y = 0; y < view.height; ++y) {
    std::memcpy(image.rgb.data() + static_cast<std::size_t>(y) * row, view.data + y * view.stride,
                row);
  }
  return image;
}

Image resize(ImageView image, int width, int height) {
  base::require(image.width > 0 && image.height > 0 && width > 0 && height > 0,
                base::ErrorCode::invalid_argument, "cannot resize ", image.width, "x", image.height,
                " to ", width, "x", height);
  if (image.width == width && image.height == height) return copy(image);
  const Taps horizontal = make_taps(image.width, width), vertical = make_taps(image.height, height);
  const std::size_t row = static_cast<std::size_t>(width) * 3;
  std::vector<float> resized_rows(row * static_cast<std::size_t>(image.height));
  for (int y = 0; y < image.height; ++y) {
    resize_row(image.data + y * image.stride, horizontal,
               resized_rows.data() + static_cast<std::size_t>(y) * row);
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

Image fit(ImageView image, int width, int height, Fit mode) {
  base::require(image.width > 0 && image.height > 0, base::ErrorCode::invalid_argument,
                "the image is ", image.width, "x", image.height);
  if (mode == Fit::stretch) return resize(image, width, height);
  const double scale_x = static_cast<double>(width) / image.width,
               scale_y = static_cast<double>(height) / image.height;
  const auto side = [](double length, int max) {
    return std::clamp(static_cast<int>(std::lround(length)), 1, max);
  };
  if (mode == Fit::cover) {
    const double scale = std::max(scale_x, scale_y);
    return resize(
        center_crop(image, side(width / scale, image.width), side(height / scale, image.height)),
        width, height);
  }
  const double scale = std::min(scale_x, scale_y);
  const Image inner =
      resize(image, side(image.width * scale, width), side(image.height * scale, height));
  return letterbox(inner, width, height);
}

}  // namespace streamdiffusion::image
