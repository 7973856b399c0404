#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace streamdiffusion::image {
namespace {

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

/// For each output sample, which input samples it is made of.
struct Taps {
  struct Window {
    int first = 0, count = 0;
    std::size_t weights = 0;
  };
  std::vector<Window> windows;
  std::vector<float> weights;
};

Taps make_taps(int in, int out) {
  const double scale = static_cast<double>(in) / out, spread = std::max(scale, 1.0);
  Taps taps;
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - 2 * spread + 0.5));
    const int last = std::min(in, static_cast<int>(center + 2 * spread + 0.5));
    const std::size_t at = taps.weights.size();
    double sum = 0;
    for (int j = first; j < last; ++j) sum += cubic((j + 0.5 - center) / spread);
    for (int j = first; j < last; ++j)
      taps.weights.push_back(static_cast<float>(cubic((j + 0.5 - center) / spread) / sum));
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

/// The middle part of an image.
ImageView crop(ImageView image, int width, int height) {
  const int x = (image.width - width) / 2, y = (image.height - height) / 2;
  return {image.data + y * image.stride + std::ptrdiff_t{3} * x, width, height, image.stride};
}

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
  const Taps columns = make_taps(image.width, width), lines = make_taps(image.height, height);
  const std::size_t row = static_cast<std::size_t>(width) * 3;
  std::vector<float> narrow(row * static_cast<std::size_t>(image.height));
  for (int y = 0; y < image.height; ++y) {
    resize_row(image.data + y * image.stride, columns,
               narrow.data() + static_cast<std::size_t>(y) * row);
  }
  Image out{width, height, std::vector<std::uint8_t>(row * static_cast<std::size_t>(height))};
  std::vector<float> sum(row);
  for (int y = 0; y < height; ++y) {
    const Taps::Window& window = lines.windows[static_cast<std::size_t>(y)];
    std::fill(sum.begin(), sum.end(), 0.0F);
    for (int j = 0; j < window.count; ++j) {
      const float weight = lines.weights[window.weights + static_cast<std::size_t>(j)];
      const float* from = narrow.data() + static_cast<std::size_t>(window.first + j) * row;
      for (std::size_t i = 0; i < row; ++i) sum[i] += weight * from[i];
    }
    std::uint8_t* to = out.rgb.data() + static_cast<std::size_t>(y) * row;
    for (std::size_t i = 0; i < row; ++i) to[i] = to_byte(sum[i]);
  }
  return out;
}

Image fit(ImageView image, int width, int height, Fit how) {
  base::require(image.width > 0 && image.height > 0, base::ErrorCode::invalid_argument,
                "the image is ", image.width, "x", image.height);
  if (how == Fit::stretch) return resize(image, width, height);
  const double across = static_cast<double>(width) / image.width,
               down = static_cast<double>(height) / image.height;
  const auto side = [](double length, int most) {
    return std::clamp(static_cast<int>(std::lround(length)), 1, most);
  };
  if (how == Fit::cover) {
    const double scale = std::max(across, down);
    return resize(crop(image, side(width / scale, image.width), side(height / scale, image.height)),
                  width, height);
  }
  const double scale = std::min(across, down);
  const Image inner =
      resize(image, side(image.width * scale, width), side(image.height * scale, height));
  return letterbox(inner, width, height);
}

}  // namespace streamdiffusion::image
