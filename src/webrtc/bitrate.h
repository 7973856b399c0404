// How many bits a second a peer's video may take, from what its receiver reports.
#pragma once

#include <cstdint>

namespace streamdiffusion::webrtc {

/// The controller of draft-ietf-rmcat-gcc-02, section 6, which looks at loss. GStreamer 1.22 has no
/// estimate from delays, so the round-trip time takes part: where it grows well above its smallest
/// value, packets wait in a queue.
class BitrateController {
 public:
  /// Bits per second.
  BitrateController(std::int64_t start, std::int64_t least, std::int64_t most);

  /// Takes a receiver's report: the share of packets lost since the last one, 0..1, and the
  /// round-trip time in seconds, 0 where it is not known. Returns the bits per second from now on.
  std::int64_t report(double loss, double round_trip);
  std::int64_t bits() const { return bits_; }

 private:
  std::int64_t bits_, least_, most_;
  double smallest_round_trip_ = 0;
};

}  // namespace streamdiffusion::webrtc
