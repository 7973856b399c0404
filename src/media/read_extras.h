// Finds what an input holds beside the images that are drawn.
#pragma once

#include <map>
#include <set>

#include "media/av.h"
#include "media/track.h"

namespace streamdiffusion::media {

struct InputTracks {
  Extras extras;
  /// By index of the stream.
  std::map<int, std::shared_ptr<Track>> by_stream;
};

/// Packet and chapter times are counted from `start`, in the time base of `images`, the stream that
/// is drawn. Streams that are not among the tracks are set to be discarded. `chapter_tracks`:
/// numbers (AVStream::id) of those that hold titles of chapters, whatever libav takes them for.
InputTracks read_extras(AVFormatContext& input, const AVStream& images, std::int64_t start,
                        const std::set<int>& chapter_tracks);

}  // namespace streamdiffusion::media
