// When each decoded frame is shown, in order, even where a container gives few times or none.
#pragma once

#include <cstdint>
#include <optional>

#include "media/av.h"

namespace streamdiffusion::media {

class FrameTimes {
 public:
  /// No time and no duration is beyond this. Containers may claim any; sums must not overflow.
  static constexpr std::int64_t kLast = std::int64_t{1} << 60;

  /// `base`: the unit of the frames' times. `rate`: frames a second, 0/1 if unknown.
  FrameTimes(AVRational base, Rational rate) : base_(base), rate_(rate) {}

  /// The time that counts as 0; without one, the first frame's.
  void start_at(std::int64_t start);

  /// The time of the next frame from the start of the source, always later than the last one. A
  /// frame without a time follows when the last one has ended.
  std::int64_t next(const AVFrame& frame);

 private:
  std::int64_t duration_of(const AVFrame& frame) const;

  AVRational base_;
  Rational rate_;
  std::optional<std::int64_t> start_;
  std::int64_t earliest_ = 0, expected_ = 0;
};

}  // namespace streamdiffusion::media
