#include "media/frame_times.h"

#include <algorithm>

namespace streamdiffusion::media {
namespace {

std::int64_t within_range(std::int64_t time) {
  return std::clamp(time, -FrameTimes::kLast, FrameTimes::kLast);
}

}  // namespace

void FrameTimes::start_at(std::int64_t start) {
  start_ = within_range(start);
}

/// As the frame says or by the rate; 0 where neither is known.
std::int64_t FrameTimes::duration_of(const AVFrame& frame) const {
  if (frame.pkt_duration > 0) return within_range(frame.pkt_duration);
  return rate_.positive() ? av_rescale_q(1, av_inv_q(av_rational(rate_)), base_) : 0;
}

std::int64_t FrameTimes::next(const AVFrame& frame) {
  std::int64_t pts = expected_;
  if (frame.best_effort_timestamp != AV_NOPTS_VALUE) {
    const std::int64_t time = within_range(frame.best_effort_timestamp);
    if (!start_) start_ = time - expected_;
    pts = std::clamp(time - *start_, earliest_, std::max(kLast, earliest_));
  }
  earliest_ = pts + 1;
  expected_ = std::max(std::min(pts + duration_of(frame), kLast), earliest_);
  return pts;
}

}  // namespace streamdiffusion::media
