// The sinks that FFmpeg's libraries write: files, devices, the network, pipes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "media/frame_sink.h"

namespace streamdiffusion::media {

/// What to hand to libavformat.
struct AvDestination {
  /// What messages call it.
  std::string name;
  /// File name or address; empty with a descriptor.
  std::string address;
  std::string muxer, encoder;
  int descriptor = -1;
  /// Written so that a frame is seen at once.
  bool live = false;
  /// rawvideo only: rgb24.
  bool rgb = false;
  /// The muxer's and protocol's.
  std::vector<std::pair<std::string, std::string>> settings;
};

std::unique_ptr<FrameSink> open_av_sink(const AvDestination& destination,
                                        const SinkOptions& options);

}  // namespace streamdiffusion::media
