#include "live/image_reading.h"

#include <algorithm>

#include "base/error.h"
#include "base/scheduling.h"
#include "live/input_style.h"
#include "live/live_session_impl.h"

namespace streamdiffusion {
namespace live {

bool same_images(const SessionOptions& a, const SessionOptions& b) {
  return std::ranges::equal(
      a.image_prompts, b.image_prompts, [](const ImagePrompt& x, const ImagePrompt& y) {
        return x.images == y.images && x.enabled == y.enabled && x.follow_input == y.follow_input;
      });
}

void keep_images(SessionOptions& wanted, const SessionOptions& before) {
  for (std::size_t i = 0; i < wanted.image_prompts.size(); ++i) {
    ImagePrompt& prompt = wanted.image_prompts[i];
    const ImagePrompt& held = before.image_prompts[i];
    prompt.images = held.images;
    prompt.enabled = held.enabled;
    prompt.follow_input = held.follow_input;
  }
}

}  // namespace live

namespace {

/// Of the time that an encoder takes, before it follows the input again: the stream has the rest.
constexpr int kPauseFactor = 4;
constexpr auto kShortestPause = std::chrono::milliseconds(250);

void read_images(live::ImageReading& reading) {
  try {
    reading.prepared =
        reading.engine.prepare_image_prompts(reading.options, reading.stop.get_token());
  } catch (const std::exception& error) {
    reading.problem = base::error_from(error);
  }
}

}  // namespace

void LiveSession::Impl::read_images_loop() {
  base::lower_priority();
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return over() || (reading_ && !reading_->begun); });
    if (over()) return;
    const std::shared_ptr<live::ImageReading> reading = reading_;
    reading->begun = true;
    lock.unlock();
    {
      const std::stop_callback with_session(stop_source_.get_token(),
                                            [&] { reading->stop.request_stop(); });
      read_images(*reading);
    }
    lock.lock();
    reading->done = true;
    changed_.notify_all();
  }
}

void LiveSession::Impl::start_reading(const Engine& engine, const SessionOptions& options,
                                      std::shared_ptr<const Image> input) {
  if (over()) return;  // no frame would use them
  if (reading_) reading_->stop.request_stop();
  reading_ = std::make_shared<live::ImageReading>(
      live::ImageReading{.engine = engine, .options = options, .input = std::move(input)});
  changed_.notify_all();
}

bool LiveSession::Impl::was_read(const Engine& engine, const SessionOptions& options) const {
  return read_ && read_->engine.is(engine) && live::same_images(options, read_->options);
}

bool LiveSession::Impl::has_images(const Engine& engine, const SessionOptions& options) {
  // The session of another engine reads them while it is opened.
  if (!engine.is(configured_.engine)) return true;
  if (live::same_images(options, configured_.settings.options)) return true;
  if (was_read(engine, options)) return true;
  const std::lock_guard lock(mutex_);
  const bool being_read =
      reading_ && reading_->engine.is(engine) && live::same_images(options, reading_->options);
  if (!being_read) start_reading(engine, options, nullptr);
  return false;
}

void LiveSession::Impl::hold_images(Change& change) {
  Configuration& to = change.to;
  if (has_images(to.engine, to.settings.options)) return;
  live::keep_images(to.settings.options, configured_.settings.options);
  to.asked = configured_.asked;
  to.change = configured_.change;
  to.mixed = true;
}

void LiveSession::Impl::keep_read_images(Change& change) {
  Configuration& to = change.to;
  if (!live::follows_input(to.settings.options)) return;
  if (was_read(to.engine, to.settings.options)) {
    to.encoders = read_->prepared;
  } else if (to.engine.is(configured_.engine)) {
    to.encoders = configured_.encoders;
  }
}

void LiveSession::Impl::drop_reading(const Engine& engine) {
  if (!reading_ || (reading_->input && reading_->engine.is(engine))) return;
  reading_->stop.request_stop();
  reading_ = nullptr;
}

bool LiveSession::Impl::finish_reading(std::unique_lock<std::mutex>& lock) {
  if (!reading_ || !reading_->done) return true;
  read_ = std::move(reading_);
  if (read_->input) {
    const auto end = LiveClock::now();
    next_follow_ =
        end + std::max<LiveClock::duration>(kShortestPause, kPauseFactor * (end - read_->begin));
  }
  if (!read_->problem) {
    if (read_->input) followed_input_ = read_->input;
    return true;
  }
  const Error problem = *read_->problem;
  const bool asked = read_->input == nullptr;
  read_ = nullptr;
  if (asked && wanted_version_ == handled_version_) {
    take_back(problem, lock, wanted_version_, changes_.current);
  } else {
    tell(problem, lock);
  }
  return false;
}

}  // namespace streamdiffusion
