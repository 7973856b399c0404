// Frames of a pattern, and how far two streams' pixels are apart, for tests that compare streams.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "streamdiffusion/engine.h"

namespace streamdiffusion::testing {

/// The values of one frame, before they are rounded.
using Pixels = std::vector<float>;

/// A pattern that is another one for each number.
inline Image patterned_image(int number, int width = 32, int height = 32) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i) {
    image.rgb.push_back(static_cast<std::uint8_t>(i * (3 + number) + 97 * number));
  }
  return image;
}

inline void append(std::vector<Pixels>& frames, std::vector<Output> outputs) {
  for (Output& output : outputs) frames.push_back(std::move(output.pixels));
}

inline void append(std::vector<Image>& frames, std::vector<Output> outputs) {
  for (Output& output : outputs) frames.push_back(std::move(output.image));
}

/// The largest difference of two values; 1e9 for streams of different lengths.
inline double worst(const std::vector<Pixels>& a, const std::vector<Pixels>& b) {
  double most = a.size() == b.size() ? 0 : 1e9;
  for (std::size_t f = 0; f < std::min(a.size(), b.size()); ++f) {
    for (std::size_t i = 0; i < a[f].size(); ++i) {
      most = std::max<double>(most, std::abs(a[f][i] - b[f][i]));
    }
  }
  return most;
}

}  // namespace streamdiffusion::testing
