// A frame on its way to the engine. From there on only its output travels.
#pragma once

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

struct Frame {
  /// Until it is prepared.
  std::function<Image()> decode;
  /// From then on; empty for a session that draws from text.
  Image image;
  /// Filled in on the way.
  LiveOutput output;
};

}  // namespace streamdiffusion::live
