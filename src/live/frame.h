// A frame on its way to the engine. From there on only its output travels.
#pragma once

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

struct Frame {
  /// Until the frame is prepared.
  std::function<Image()> decode;
  /// From then on. Empty in text-to-image mode.
  Image image;
  /// Filled in stage by stage.
  LiveOutput output;
};

}  // namespace streamdiffusion::live
