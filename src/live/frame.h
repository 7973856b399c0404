// A frame on its way through the three stages.
#pragma once

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

struct Frame {
  std::function<Image()> decode;  ///< Until it is prepared.
  Image image;                    ///< From then on; empty for a session that draws from text.
  LiveOutput output;              ///< Filled in on the way.
};

}  // namespace streamdiffusion::live
