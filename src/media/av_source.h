// The sources that FFmpeg's libraries read: files, devices, the network, pipes, filter graphs.
#pragma once

#include <utility>
#include <vector>

#include "media/frame_source.h"

namespace streamdiffusion::media {

/// What libavformat needs to open an input.
struct AvInputSpec {
  /// What messages call the source.
  std::string name;
  /// The path of a file; empty for anything else.
  std::string file = {};
  /// File name or URL; empty if there is a descriptor.
  std::string url;
  /// The demuxer's name, or empty to detect the format from the content.
  std::string format;
  /// An open file descriptor to read from, or -1.
  int descriptor = -1;
  /// The protocols that it and what it names may use, as FFmpeg's list; empty for devices, which
  /// are not restricted.
  std::string protocols = {};
  /// An address on the web: playlists are read.
  bool web = false;
  /// What it names may lie anywhere, also on this machine and in private networks.
  bool trusted = false;
  /// The source closes the descriptor.
  bool close_descriptor = false;
  /// Frames must be read in time: decode with low delay.
  bool live = false;
  /// Reads of the device return at once; the source polls it.
  bool nonblocking = false;
  /// The source may be silent for any time.
  bool no_timeout = false;
  /// Options for the demuxer.
  std::vector<std::pair<std::string, std::string>> settings;
};

/// Opens the input and its video decoder, and its audio stream if there is one. Throws Error naming
/// the source: not_found, io, corrupt_file or unsupported.
std::unique_ptr<FrameSource> open_av_source(const AvInputSpec& spec, const SourceOptions& options);

}  // namespace streamdiffusion::media
