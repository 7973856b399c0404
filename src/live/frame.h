// A frame on its way to the engine. From there on only its output travels.
#pragma once

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

struct Frame {
  /// Returns the image in the size of the stream. Until the frame is prepared; empty in
  /// text-to-image mode.
  std::function<Image(int width, int height, Fit fit)> decode;
  /// From then on. Empty in text-to-image mode.
  Image image;
  /// In place of `image`: pixels of the stream's size, valid while the frame enters.
  std::optional<ImageView> borrowed;
  /// Filled in stage by stage.
  LiveOutput output;
};

}  // namespace streamdiffusion::live
