// The flags of `serve` for WebRTC, and where the program for its connections lies.
#pragma once

#include <string>
#include <vector>

#include "flags.h"
#include "server/options.h"

namespace streamdiffusion::app {

struct WebRtcFlags {
  std::string use = "auto", ports;
  std::int64_t kilobits = 6000;

  /// --webrtc, --webrtc-address, --webrtc-ports, --webrtc-bitrate, --stun and --turn.
  void add_to(Flags& flags, server::WebRtcOptions& options);
  /// Completes the options. Throws invalid_argument naming the flag, and not_found where WebRTC is
  /// asked for and not installed. Where it is not asked for, one line says what is missing, if only
  /// a part is.
  void finish(server::WebRtcOptions& options) const;
};

}  // namespace streamdiffusion::app
