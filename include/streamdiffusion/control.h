// Control images that need no network: edges, lines and colors of a frame, for the ControlNets of
// a session.
#pragma once

#include "streamdiffusion/image.h"

namespace streamdiffusion {

/// What a control image shows of a frame. Lines are white on black.
enum class Preprocessor {
  /// What the name of the ControlNet says, which an engine looks at; for control_image(), and where
  /// the name says nothing, the frame itself.
  automatic,
  /// The frame itself.
  passthrough,
  /// Edges of one pixel (Canny 1986), as OpenCV's Canny with its L1 norm.
  canny,
  /// Gradients at three sizes, smooth, in place of a network such as HED.
  soft_edge,
  /// Thick lines where the frame is darker than around (XDoG).
  scribble,
  /// Fine lines in place of a network: what is darker than a blurred copy.
  lineart,
  /// Gaussian blur.
  blur,
  /// Shrunk by means over cells, and enlarged again.
  tile,
  /// Brightness alone, gray.
  luminance,
  /// The mean color of each cell of 64 pixels.
  color,
};

struct ControlImageOptions {
  Preprocessor preprocessor = Preprocessor::automatic;
  /// canny: gradients, |dx| + |dy| of Sobel's 3x3 kernels, 0..2040. Above `high` there is an edge,
  /// and above `low` where it continues one; low <= high.
  int low_threshold = 100, high_threshold = 200;
  /// blur: standard deviation in pixels, 0.1..64.
  float sigma = 3;
  /// tile: pixels of a cell's side, 1..256.
  int cell = 4;
  /// luminance: exponent of the brightness in 0..1, 0.1..10.
  float gamma = 1;
  bool operator==(const ControlImageOptions&) const = default;
};

/// An image of the frame's size. The same bits on every machine for canny, tile and color. Throws
/// invalid_argument for an empty frame or an option outside of its range.
Image control_image(ImageView frame, const ControlImageOptions& options);

}  // namespace streamdiffusion
