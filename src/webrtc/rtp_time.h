// The RTP times of the images that are sent. A client that sees a time (in browsers by
// requestVideoFrameCallback) knows by it which image it has.
#pragma once

#include <cstdint>

namespace streamdiffusion::webrtc {

/// Times of video count in 1/90000 s (RFC 7741, section 4.1).
constexpr std::uint64_t kRtpRate = 90000;

/// Each time is greater than the last, and off by at most 1/175 s upwards unless images come faster
/// than they can be marked.
class RtpTimes {
 public:
  /// The first time from `nanoseconds` on whose low 8 bits are the mark.
  std::uint64_t next(std::uint64_t nanoseconds, std::uint8_t mark);

 private:
  std::uint64_t earliest_ = 0;
};

/// The least number of nanoseconds that are so many whole units of the RTP clock.
std::uint64_t nanoseconds_of(std::uint64_t rtp_time);

}  // namespace streamdiffusion::webrtc
