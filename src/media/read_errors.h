// The faults of an input that libav tells as "Invalid data", in words of our own.
#pragma once

#include <cstdint>
#include <string>

#include "media/av.h"

namespace streamdiffusion::media {

/// Why nothing can be read on from here, with what was found, what is expected and what helps;
/// empty where that is not known and more may come. To be asked after av_read_frame() has failed.
/// `packet_end`: where the last packet ended, or -1.
std::string why_reading_stops(const AVFormatContext& input, std::int64_t packet_end);

/// What to add to a line of libav's about an input that cannot be opened; empty for most.
std::string what_it_means(const std::string& line);

/// Throws for an input that gave no frame. `words`: what the decoder said last about a packet.
[[noreturn]] void fail_without_frames(const std::string& name, const std::string& words,
                                      AVCodecID codec);

/// Why an input whose demuxer says that it ends is cut off; empty for one that is whole. A
/// truncated file ends like a complete one. What tells them apart is `last_error` of the demuxer, a
/// last packet of which only `damaged_bytes` came (-1: it is whole), and where the demuxer writes
/// no line, the format: y4m has no bytes behind the last whole frame, GIF a byte that ends it, Ogg
/// whole pages. A recorded broadcast may end anywhere.
std::string why_it_ends_early(const AVFormatContext& input, const std::string& last_error,
                              int damaged_bytes, std::int64_t packet_end);

}  // namespace streamdiffusion::media
