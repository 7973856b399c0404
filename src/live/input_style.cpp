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

namespace {

/// Of the time that an encoder takes, before it runs again: the stream has the rest.
constexpr int kPauseFactor = 4;
constexpr auto kShortestPause = std::chrono::milliseconds(250);

}  // namespace

bool LiveSession::Impl::has_new_input() const {
  return newest_input_ && newest_input_ != followed_input_;
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

std::shared_ptr<const Image> LiveSession::Impl::take_input() {
  const std::lock_guard lock(mutex_);
  return followed_input_ = newest_input_;
}

void LiveSession::Impl::follow_input(std::unique_lock<std::mutex>& lock) {
  const Engine engine = engine_;
  const LiveSettings settings = wanted_;
  const std::uint64_t number = changes_.current;
  lock.unlock();
  const auto begin = LiveClock::now();
  const std::optional<Error> problem = prepare_change(engine, settings, number);
  const auto end = LiveClock::now();
  next_follow_ = end + std::max<LiveClock::duration>(kShortestPause, kPauseFactor * (end - begin));
  if (problem && !stopping()) report(*problem, std::nullopt);
  lock.lock();
}

}  // namespace streamdiffusion
