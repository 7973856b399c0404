// A generated image, encoded to be sent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/metrics.h"
#include "server/protocol/messages.h"
#include "streamdiffusion/image.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::server {

/// Travels with a frame through the stream and returns with its image.
struct FrameTag {
  FrameHeader header;
  /// When decoding began. Set on the prepare thread.
  LiveClock::time_point decoding;
};

struct EncodedImage {
  std::string jpeg;
  /// The same for an encoder of video.
  std::shared_ptr<const Image> pixels;
  /// The planes of a WebRTC image (webrtc/message.h), where the session's client is one.
  std::string planes;
  int width = 0, height = 0;
  std::uint64_t frame = 0;
  bool reused = false;
  /// Of the frame that the image was made from.
  FrameHeader header;
  StageTimes times;
  LiveClock::time_point captured, finished;
};
using EncodedImagePtr = std::shared_ptr<const EncodedImage>;

}  // namespace streamdiffusion::server
