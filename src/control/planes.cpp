#include "control/planes.h"

#include <algorithm>
#include <cmath>

namespace streamdiffusion::control {
namespace {

/// Of the fixed point: 2^15 = 9798 + 19235 + 3735.
constexpr int kShift = 15;

/// A line with `margin` copies of its ends around it.
void pad_line(const float* line, int width, int margin, float* out) {
  std::fill_n(out, margin, line[0]);
  std::copy_n(line, width, out + margin);
  std::fill_n(out + margin + width, margin, line[width - 1]);
}

/// out[i] = sum of factors[k] * taps[k][i], a block of pixels at a time in registers.
void weighted_sum(std::span<const float* const> taps, std::span<const float> factors, int width,
                  float* out) {
  constexpr int kBlock = 16;
  int x = 0;
  for (; x + kBlock <= width; x += kBlock) {
    float sums[kBlock] = {};
    for (std::size_t k = 0; k < taps.size(); ++k) {
      const float* from = taps[k] + x;
      const float factor = factors[k];
      for (int i = 0; i < kBlock; ++i) sums[i] += factor * from[i];
    }
    std::copy_n(sums, kBlock, out + x);
  }
  for (; x < width; ++x) {
    float sum = 0;
    for (std::size_t k = 0; k < taps.size(); ++k) sum += factors[k] * taps[k][x];
    out[x] = sum;
  }
}

}  // namespace

void gray_line(const std::uint8_t* rgb, int width, std::uint8_t* out) {
  for (int x = 0; x < width; ++x) {
    const int sum = 9798 * rgb[3 * x] + 19235 * rgb[3 * x + 1] + 3735 * rgb[3 * x + 2];
    out[x] = static_cast<std::uint8_t>((sum + (1 << (kShift - 1))) >> kShift);
  }
}

Plane gray(const ImageView& image) {
  Plane plane(image.width, image.height);
  std::vector<std::uint8_t> line(static_cast<std::size_t>(image.width));
  for (int y = 0; y < image.height; ++y) {
    gray_line(image.data + y * image.stride, image.width, line.data());
    std::copy(line.begin(), line.end(), plane.row(y));
  }
  return plane;
}

Plane channel(const ImageView& image, int number) {
  Plane plane(image.width, image.height);
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* from = image.data + y * image.stride + number;
    float* to = plane.row(y);
    for (int x = 0; x < image.width; ++x) to[x] = from[3 * x];
  }
  return plane;
}

Plane convolve(const Plane& x, std::span<const float> horizontal, std::span<const float> vertical) {
  const int w = x.width, h = x.height, margin = static_cast<int>(horizontal.size()) / 2;
  Plane lines(w, h), out(w, h);
  std::vector<float> padded(static_cast<std::size_t>(w + 2 * margin));
  std::vector<const float*> taps(horizontal.size());
  for (int y = 0; y < h; ++y) {
    pad_line(x.row(y), w, margin, padded.data());
    for (std::size_t k = 0; k < taps.size(); ++k) taps[k] = padded.data() + k;
    weighted_sum(taps, horizontal, w, lines.row(y));
  }
  taps.resize(vertical.size());
  const int reach = static_cast<int>(vertical.size()) / 2;
  for (int y = 0; y < h; ++y) {
    for (int k = 0; k < static_cast<int>(taps.size()); ++k)
      taps[static_cast<std::size_t>(k)] = lines.row(std::clamp(y + k - reach, 0, h - 1));
    weighted_sum(taps, vertical, w, out.row(y));
  }
  return out;
}

Plane gaussian(const Plane& x, float sigma) {
  const int reach = std::max(1, static_cast<int>(std::ceil(3 * sigma)));
  std::vector<float> kernel;
  float sum = 0;
  for (int i = -reach; i <= reach; ++i) {
    kernel.push_back(std::exp(-0.5F * static_cast<float>(i * i) / (sigma * sigma)));
    sum += kernel.back();
  }
  for (float& value : kernel) value /= sum;
  return convolve(x, kernel, kernel);
}

Image to_image(const Plane& gray) {
  Image image{gray.width, gray.height, {}};
  image.rgb.resize(3 * gray.values.size());
  for (std::size_t i = 0; i < gray.values.size(); ++i) {
    const auto value = static_cast<std::uint8_t>(std::clamp(gray.values[i], 0.0F, 255.0F) + 0.5F);
    std::fill_n(image.rgb.data() + 3 * i, 3, value);
  }
  return image;
}

}  // namespace streamdiffusion::control
