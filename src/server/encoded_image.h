// A finished image on its way to those who watch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/messages.h"
#include "server/metrics.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::server {

/// What came with a frame and goes back with its image.
struct FrameTag {
  FrameHead head;
  /// Set on the prepare thread when decoding begins.
  LiveClock::time_point decoding;
};

struct EncodedImage {
  std::string jpeg;
  int width = 0, height = 0;
  std::uint64_t frame = 0;
  bool reused = false;
  FrameHead head;
  StageTimes times;
  LiveClock::time_point captured, finished;
};
using EncodedImagePtr = std::shared_ptr<const EncodedImage>;

}  // namespace streamdiffusion::server
