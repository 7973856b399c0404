// Images at the edge of the library: 8-bit RGB, rows from top to bottom.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace streamdiffusion {

struct Image {
  int width = 0, height = 0;
  /// [height, width, 3], dense
  std::vector<std::uint8_t> rgb;
};

/// How an image of another size is brought to the one that is wanted.
enum class Fit {
  /// Fill the size; what is too much is cut off on both sides alike.
  cover,
  /// Show everything; what is missing is black.
  contain,
  /// Change the proportions.
  stretch,
};

/// An image in somebody else's memory.
struct ImageView {
  const std::uint8_t* data = nullptr;
  int width = 0, height = 0;
  /// Bytes from one row to the next.
  std::ptrdiff_t stride = 0;

  ImageView() = default;
  ImageView(const std::uint8_t* pixels, int w, int h, std::ptrdiff_t row_bytes)
      : data(pixels), width(w), height(h), stride(row_bytes) {}
  ImageView(const Image& image)  // NOLINT: an image is a view of itself
      : ImageView(image.rgb.data(), image.width, image.height, std::ptrdiff_t{3} * image.width) {}
};

}  // namespace streamdiffusion
