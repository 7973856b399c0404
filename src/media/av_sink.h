// The sinks that FFmpeg's libraries write: video files, devices, the network, pipes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "media/frame_sink.h"

namespace streamdiffusion::media {

/// What libavformat and libavcodec need to open an output.
struct AvOutputSpec {
  /// What messages call the sink.
  std::string name;
  /// The path of a file, or the URL of a device or an address; both empty for a descriptor.
  std::string file = {}, url = {};
  /// libav's names, such as "mp4" and "libx264".
  std::string muxer, encoder;
  /// An open file descriptor to write to, or -1.
  int descriptor = -1;
  /// The sink closes the descriptor.
  bool close_descriptor = false;
  /// The format has one frame rate and no times.
  bool timeless = false;
  /// Somebody watches: encode with low delay, and fail when the receiver takes too long.
  bool live = false;
  /// The muxer can be told to write what it holds: MP4, Matroska.
  bool flushes = false;
  /// rawvideo only: rgb24 instead of yuv420p.
  bool rgb = false;
  /// Options for the muxer and the protocol.
  std::vector<std::pair<std::string, std::string>> settings;
};

/// Opens the encoder and the output and writes the header. Throws Error naming the output:
/// unsupported or io.
std::unique_ptr<FrameSink> open_av_sink(const AvOutputSpec& spec, const SinkOptions& options);

}  // namespace streamdiffusion::media
