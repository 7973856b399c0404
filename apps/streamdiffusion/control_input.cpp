#include "control_input.h"

#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace streamdiffusion::app {

double ControlInput::time_of(const media::Frame& frame) const {
  return static_cast<double>(frame.pts) * info().time_base.value();
}

/// Into next_, unless there is one. False at the end.
bool ControlInput::read_next() {
  if (!next_ && !ended_) next_ = source_->read();
  ended_ |= !next_;
  return next_.has_value();
}

std::function<Image()> ControlInput::at(double seconds) {
  const bool was_over = ended_;
  while (read_next()) {
    constexpr double kRounding = 1e-6;  // of times in two units
    if (now_ && !info().live && time_of(*next_) > seconds + kRounding) break;
    now_ = std::exchange(next_, std::nullopt);
    if (info().live) break;
  }
  base::require(now_.has_value(), ErrorCode::corrupt_file, info().name,
                ": there is no frame, expected one for the control images");
  if (ended_ && !was_over && now_->number > 1) {
    base::log(base::LogLevel::notice,
              base::concat(info().name, ": ended after ", now_->number,
                           " frames; its last one stays the control image"));
  }
  return now_->image;
}

}  // namespace streamdiffusion::app
