#include "control/cells.h"

#include <algorithm>
#include <cmath>

#include "control/planes.h"
#include "image/resize.h"

namespace streamdiffusion::control {
namespace {

Image empty(int width, int height) {
  const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  return {width, height, std::vector<std::uint8_t>(3 * pixels)};
}

/// The mean color of a rectangle, into three bytes.
void mean_of(const ImageView& image, int left, int top, int right, int bottom, std::uint8_t* out) {
  std::uint64_t sums[3] = {};
  for (int y = top; y < bottom; ++y) {
    const std::uint8_t* line = image.data + y * image.stride;
    for (int x = left; x < right; ++x) {
      for (int c = 0; c < 3; ++c) sums[c] += line[3 * x + c];
    }
  }
  const auto count =
      static_cast<std::uint64_t>(right - left) * static_cast<std::uint64_t>(bottom - top);
  for (int c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>((sums[c] + count / 2) / count);
}

}  // namespace

Image cell_means(const ImageView& image, int cell) {
  Image means = empty((image.width + cell - 1) / cell, (image.height + cell - 1) / cell);
  std::uint8_t* out = means.rgb.data();
  for (int y = 0; y < image.height; y += cell) {
    for (int x = 0; x < image.width; x += cell, out += 3) {
      mean_of(image, x, y, std::min(x + cell, image.width), std::min(y + cell, image.height), out);
    }
  }
  return means;
}

Image tile(const ImageView& image, int cell) {
  return image::resize(cell_means(image, cell), image.width, image.height);
}

Image color(const ImageView& image, int cell) {
  const Image means = cell_means(image, cell);
  Image out = empty(image.width, image.height);
  std::uint8_t* to = out.rgb.data();
  for (int y = 0; y < image.height; ++y) {
    const std::ptrdiff_t line = std::ptrdiff_t{y / cell} * means.width;
    for (int x = 0; x < image.width; ++x, to += 3)
      std::copy_n(means.rgb.data() + 3 * (line + x / cell), 3, to);
  }
  return out;
}

Image blur(const ImageView& image, float sigma) {
  Image out = empty(image.width, image.height);
  for (int c = 0; c < 3; ++c) {
    const Plane blurred = gaussian(channel(image, c), sigma);
    for (std::size_t i = 0; i < blurred.values.size(); ++i) {
      const float value = std::clamp(blurred.values[i], 0.0F, 255.0F);
      out.rgb[3 * i + static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(value + 0.5F);
    }
  }
  return out;
}

Image luminance(const ImageView& image, float gamma) {
  Plane brightness = gray(image);
  for (float& value : brightness.values) value = 255 * std::pow(value / 255, gamma);
  return to_image(brightness);
}

}  // namespace streamdiffusion::control
