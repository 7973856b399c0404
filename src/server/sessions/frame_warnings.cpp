#include "server/sessions/frame_warnings.h"

#include <utility>

namespace streamdiffusion::server {
namespace {

constexpr auto kShortest = std::chrono::seconds(1);

}  // namespace

void FrameWarnings::note(std::vector<std::string> warnings, base::Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  newest_is_sound_ = warnings.empty();
  if (newest_is_sound_) return;
  found_ = std::move(warnings);
  found_at_ = now;
}

bool FrameWarnings::news(base::Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (newest_is_sound_ && now - found_at_ >= kShortest) found_.clear();
  if (found_ == told_ || now - told_at_ < kShortest) return false;
  told_ = found_;
  told_at_ = now;
  return true;
}

}  // namespace streamdiffusion::server
