// Rows of a frame as RGB, converted one at a time, so that whoever reads them needs no copy of the
// whole frame in another layout.
#pragma once

#include <cstdint>
#include <vector>

#include "streamdiffusion/frame.h"

namespace streamdiffusion::image {

struct Plane {
  std::ptrdiff_t row_bytes;
  int rows;
};
std::vector<Plane> planes_of(PixelFormat format, int width, int height);

/// Throws invalid_argument for a size below 1, a plane that is missing, or a stride that is shorter
/// than a row. Planes and strides beyond those of the format are not looked at.
void check(const FrameView& frame);
void check(const FrameTarget& target);

class RgbRows {
 public:
  /// Reads `width` x `height` pixels from column x and line y on. `frame` has been checked, and
  /// outlives this.
  RgbRows(const FrameView& frame, int x, int y, int width, int height);
  explicit RgbRows(const FrameView& frame) : RgbRows(frame, 0, 0, frame.width, frame.height) {}

  int width() const { return width_; }
  int height() const { return height_; }
  /// [width, 3]. Valid until the next call.
  const std::uint8_t* row(int y);
  /// Writes the row to `to`, [width, 3].
  void copy_row(int y, std::uint8_t* to) const;
  /// Writes the row to `to`, and the next to `below` where both have the same U and V. Returns how
  /// many it wrote.
  int copy_rows(int y, std::uint8_t* to, std::uint8_t* below) const;

 private:
  const FrameView& frame_;
  int x_, y_, width_, height_;
  std::vector<std::uint8_t> converted_;
};

/// All rows as an image, in the memory that `image` has where it is enough.
void copy(const RgbRows& rows, Image& image);

/// Writes an image of the target's size into it. `target` has been checked.
void write_planes(ImageView image, const FrameTarget& target);

}  // namespace streamdiffusion::image
