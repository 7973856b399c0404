#include "test_frame.h"

#include <cmath>

namespace streamdiffusion::app {

Image test_frame(int width, int height, double moment) {
  Image image{width, height, {}};
  image.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  std::size_t at = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.rgb[at++] = static_cast<std::uint8_t>(128 + 100 * std::sin(0.05 * (x + 7 * moment)));
      image.rgb[at++] = static_cast<std::uint8_t>(128 + 100 * std::cos(0.04 * (y - 5 * moment)));
      image.rgb[at++] = static_cast<std::uint8_t>((x + y + static_cast<int>(11 * moment)) & 0xff);
    }
  }
  return image;
}

}  // namespace streamdiffusion::app
