// Finds what an input holds beside the images that are drawn.
#pragma once

#include <map>

#include "media/av.h"
#include "media/track.h"

namespace streamdiffusion::media {

struct InputTracks {
  Extras extras;
  /// By index of the stream.
  std::map<int, std::shared_ptr<Track>> by_stream;
};

/// Packet and chapter times are counted from `start`, in the time base of `images`, the stream that
/// is drawn. Streams that are not among the tracks are set to be discarded.
InputTracks read_extras(AVFormatContext& input, const AVStream& images, std::int64_t start);

}  // namespace streamdiffusion::media
