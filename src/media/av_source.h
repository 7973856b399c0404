// The sources that FFmpeg's libraries read: files, devices, the network, pipes, test graphs.
#pragma once

#include <utility>
#include <vector>

#include "media/frame_source.h"

namespace streamdiffusion::media {

/// What to hand to libavformat.
struct AvTarget {
  std::string name;     ///< What messages call it.
  std::string address;  ///< Its file name or address; empty with a descriptor.
  std::string format;   ///< The demuxer's name, or empty to look at the content.
  int descriptor = -1;
  bool close = false;  ///< The source closes the descriptor.
  bool live = false;
  bool never_blocks = false;  ///< A device that is asked again until it has a frame.
  bool patient = false;       ///< May be silent for any time.
  std::vector<std::pair<std::string, std::string>> settings;  ///< The demuxer's options.
};

std::unique_ptr<FrameSource> open_av_source(const AvTarget& target, const SourceOptions& options);

}  // namespace streamdiffusion::media
