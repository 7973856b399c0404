// The images that the library takes and returns: 8-bit RGB, rows from top to bottom.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace streamdiffusion {

struct Image {
  int width = 0, height = 0;
  /// [height, width, 3], without gaps between rows.
  std::vector<std::uint8_t> rgb;
};

/// How an image is resized to another aspect ratio.
enum class Fit {
  /// Scale to fill; crop the excess equally on both sides.
  cover,
  /// Scale to fit inside; fill the rest with black.
  contain,
  /// Scale both sides independently.
  stretch,
};

/// A view of pixels that the caller owns, [height, width, 3] with any row stride.
struct ImageView {
  const std::uint8_t* data = nullptr;
  int width = 0, height = 0;
  /// Bytes from one row to the next; negative for an image that is stored from bottom to top.
  std::ptrdiff_t stride = 0;

  ImageView() = default;
  ImageView(const std::uint8_t* pixels, int w, int h, std::ptrdiff_t row_bytes)
      : data(pixels), width(w), height(h), stride(row_bytes) {}
  ImageView(const Image& image)  // NOLINT: an image is a view of itself
      : ImageView(image.rgb.data(), image.width, image.height, std::ptrdiff_t{3} * image.width) {}
};

}  // namespace streamdiffusion
