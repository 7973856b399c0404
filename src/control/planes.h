// Planes of numbers, one for each pixel, and the filters that control images are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "streamdiffusion/image.h"

namespace streamdiffusion::control {

/// [height, width], rows without gaps.
struct Plane {
  Plane(int w, int h)
      : width(w), height(h), values(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
  float* row(int y) { return values.data() + static_cast<std::ptrdiff_t>(y) * width; }
  const float* row(int y) const { return values.data() + static_cast<std::ptrdiff_t>(y) * width; }

  int width, height;
  std::vector<float> values;
};

/// Brightness of one line of pixels: 0.299 R + 0.587 G + 0.114 B, rounded, in fixed point (BT.601,
/// as OpenCV's RGB2GRAY).
void gray_line(const std::uint8_t* rgb, int width, std::uint8_t* out);
/// Brightness, 0..255.
Plane gray(const ImageView& image);
/// One of the colors, 0..255.
Plane channel(const ImageView& image, int number);

/// Convolves rows with `horizontal` and columns with `vertical`, both of odd length. Pixels beyond
/// the border are those at it.
Plane convolve(const Plane& x, std::span<const float> horizontal, std::span<const float> vertical);
/// Gaussian blur; the kernel reaches three standard deviations.
Plane gaussian(const Plane& x, float sigma);

/// Gray: the value in all colors, rounded and saturated.
Image to_image(const Plane& gray);

}  // namespace streamdiffusion::control
