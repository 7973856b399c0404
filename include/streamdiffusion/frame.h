// Pixels in the layouts that cameras, players and drawing programs have.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "streamdiffusion/image.h"

namespace streamdiffusion {

/// How the pixels of a frame lie in memory. Alpha, and the unused byte X, are not looked at when a
/// frame is read, and written as 255.
enum class PixelFormat {
  /// 8 bits a channel, one plane, in the order of the name.
  rgb,
  bgr,
  rgba,
  bgra,
  rgbx,
  bgrx,
  argb,
  /// Two planes: Y, and U and V interleaved at half the width and height, rounded up.
  nv12,
  /// Three planes: Y, U, V; the last two at half the width and height, rounded up.
  i420,
};

/// Which weights of red, green and blue make Y: ITU-R BT.601 or BT.709.
enum class YuvMatrix { bt601, bt709 };

/// Whether Y lies in 16..235 and U and V in 16..240, or all in 0..255.
enum class YuvRange { limited, full };

/// A view of pixels that the caller owns.
struct FrameView {
  PixelFormat format = PixelFormat::rgb;
  /// Of the image, in pixels.
  int width = 0, height = 0;
  /// The first row of each plane that the format has. For an image that is stored from bottom to
  /// top this is the last row in memory, and the strides are negative.
  std::array<const std::uint8_t*, 3> planes = {};
  /// Bytes from one row to the next, of each plane.
  std::array<std::ptrdiff_t, 3> strides = {};
  /// Of nv12 and i420.
  YuvMatrix matrix = YuvMatrix::bt601;
  YuvRange range = YuvRange::limited;

  FrameView() = default;
  FrameView(ImageView image)  // NOLINT: RGB is a layout
      : width(image.width), height(image.height), planes{image.data}, strides{image.stride} {}
  FrameView(const Image& image) : FrameView(ImageView(image)) {}  // NOLINT
};

/// Pixels that the caller owns, to be written.
struct FrameTarget {
  PixelFormat format = PixelFormat::rgb;
  int width = 0, height = 0;
  std::array<std::uint8_t*, 3> planes = {};
  std::array<std::ptrdiff_t, 3> strides = {};
  YuvMatrix matrix = YuvMatrix::bt601;
  YuvRange range = YuvRange::limited;
};

/// The frame as RGB. Throws invalid_argument for a size below 1, a plane that is missing, or a
/// stride that is shorter than a row.
Image to_image(const FrameView& frame);

/// Writes an image, scaled to the target's size if it has another. Throws as to_image() does.
void write(ImageView image, const FrameTarget& target);

}  // namespace streamdiffusion
