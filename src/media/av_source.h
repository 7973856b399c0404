// The sources that FFmpeg's libraries read: files, devices, the network, pipes, test graphs.
#pragma once

#include <utility>
#include <vector>

#include "media/frame_source.h"

namespace streamdiffusion::media {

/// What to hand to libavformat.
struct AvTarget {
  /// What messages call it.
  std::string name;
  /// Its file name or address; empty with a descriptor.
  std::string address;
  /// The demuxer's name, or empty to look at the content.
  std::string format;
  int descriptor = -1;
  /// The source closes the descriptor.
  bool close = false;
  bool live = false;
  /// A device that is asked again until it has a frame.
  bool never_blocks = false;
  /// May be silent for any time.
  bool patient = false;
  /// The demuxer's options.
  std::vector<std::pair<std::string, std::string>> settings;
};

std::unique_ptr<FrameSource> open_av_source(const AvTarget& target, const SourceOptions& options);

}  // namespace streamdiffusion::media
