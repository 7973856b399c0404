#include "live/input_style.h"

#include <algorithm>

#include "live/live_session_impl.h"

namespace streamdiffusion {
namespace live {

bool follows_input(const SessionOptions& options) {
  return std::ranges::any_of(options.image_prompts, [](const ImagePrompt& prompt) {
    return prompt.enabled && prompt.follow_input;
  });
}

LiveSettings with_input(LiveSettings settings, const std::shared_ptr<const Image>& frame) {
  for (ImagePrompt& prompt : settings.options.image_prompts) {
    if (frame && prompt.follow_input) prompt.images = {frame};
  }
  return settings;
}

}  // namespace live

bool LiveSession::Impl::has_new_input() const {
  return newest_input_ && newest_input_ != tried_input_;
}

void LiveSession::Impl::remember_input(const LiveSettings& settings, const Image& frame) {
  std::shared_ptr<const Image> input;
  if (live::follows_input(settings.options) && !frame.rgb.empty()) {
    input = std::make_shared<const Image>(frame);
  }
  const std::lock_guard lock(mutex_);
  if (!input && !newest_input_) return;
  newest_input_ = std::move(input);
  changed_.notify_all();
}

std::shared_ptr<const Image> LiveSession::Impl::input_of(const LiveSettings& asked) {
  const std::lock_guard lock(mutex_);
  if (!live::follows_input(asked.options)) return followed_input_ = nullptr;
  const bool new_style = !live::follows_input(configured_.settings.options);
  if (!followed_input_ && new_style) followed_input_ = tried_input_ = newest_input_;
  return followed_input_;
}

void LiveSession::Impl::follow_input() {
  tried_input_ = newest_input_;
  start_reading(engine_, live::with_input(wanted_, newest_input_).options, newest_input_);
}

}  // namespace streamdiffusion
