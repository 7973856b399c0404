// A frame on its way through the three stages.
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
