#include "stream/frame_slots.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::stream {

FrameSlots::FrameSlots(int rows, int calls, int frames, int interval)
    : frames_(frames),
      interval_(interval),
      rings_(static_cast<std::size_t>(rows) * static_cast<std::size_t>(calls)),
      held_(static_cast<std::size_t>(rows)) {}

void FrameSlots::clear() {
  std::fill(rings_.begin(), rings_.end(), Ring());
  std::fill(held_.begin(), held_.end(), false);
}

void FrameSlots::enter(int call, const std::vector<bool>& held, std::span<std::int32_t> entries) {
  const auto a_row = static_cast<std::size_t>(1 + frames_);
  base::require(held.size() == held_.size() && entries.size() == held.size() * a_row,
                base::ErrorCode::internal, "frame slots: ", entries.size(), " entries of ",
                held.size(), " rows, expected ", held_.size() * a_row, " of ", held_.size());
  held_ = held;
  const int first = call * (frames_ + 1);
  for (std::size_t row = 0; row < held.size(); ++row) {
    const Ring& r = ring(call, row);
    for (int back = 0; back <= frames_; ++back) {
      const int slot = (r.own - back + frames_ + 1) % (frames_ + 1);
      entries[row * a_row + static_cast<std::size_t>(back)] = back <= r.filled ? first + slot : -1;
    }
  }
}

void FrameSlots::leave(int call) {
  for (std::size_t row = 0; row < held_.size(); ++row) {
    if (!held_[row]) continue;
    Ring& r = ring(call, row);
    if (r.frames++ % interval_ != 0) continue;
    r.own = (r.own + 1) % (frames_ + 1);
    r.filled = std::min(r.filled + 1, frames_);
  }
}

}  // namespace streamdiffusion::stream
