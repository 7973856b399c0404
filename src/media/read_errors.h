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

}  // namespace streamdiffusion::media
