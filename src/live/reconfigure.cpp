// The reconfigure thread: prepares what a change of settings needs, while the stream runs.
#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/scheduling.h"
#include "live/encode_prompts.h"
#include "live/input_style.h"
#include "live/live_session_impl.h"
#include "params/check.h"

namespace streamdiffusion {

std::uint64_t LiveSession::Impl::change(const Engine& engine, const LiveSettings& settings) {
  const std::lock_guard lock(mutex_);
  engine_ = engine;
  wanted_ = settings;
  changes_.current = ++wanted_version_;
  changed_.notify_all();
  return changes_.current;
}

LiveChanges LiveSession::Impl::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

void LiveSession::Impl::start_from_in_force() {
  if (std::exchange(not_applied_, false)) configured_ = in_force_;
}

void LiveSession::Impl::take_back(const Error& problem, std::unique_lock<std::mutex>& lock,
                                  std::uint64_t version, std::uint64_t number) {
  start_from_in_force();
  if (wanted_version_ == version) {
    engine_ = configured_.engine;
    wanted_ = configured_.asked;
    changes_.current = configured_.change;
    // A part of what is not wanted any more may act: then the way back is prepared, if it can be.
    again_ = configured_.mixed && number != configured_.change;
  }
  tell(problem, lock);
  if (!again_) configured_version_ = handled_version_ = version;
}

void LiveSession::Impl::tell(const Error& problem, std::unique_lock<std::mutex>& lock) {
  if (over()) return;  // which is then why it failed
  lock.unlock();
  report(problem, std::nullopt);
  lock.lock();
}

void LiveSession::Impl::take_back_applied(std::uint64_t number) {
  std::unique_ptr<Change> unused;  // it was prepared to follow the change that failed
  const std::lock_guard lock(mutex_);
  not_applied_ = true;
  unused = std::move(pending_change_);
  changes_.prepared = in_force_.change;
  if (changes_.current == number) {
    engine_ = in_force_.engine;
    wanted_ = in_force_.asked;
    changes_.current = in_force_.change;
    again_ = (in_force_.mixed && number != in_force_.change) ||
             configured_version_ != wanted_version_;  // only a part of it was applied
  } else if (wanted_version_ == handled_version_) {
    again_ = true;
  }
  changed_.notify_all();
}

bool LiveSession::Impl::over() const {
  return stopping_ || delivered_;
}

bool LiveSession::Impl::has_work() const {
  return over() || again_ || wanted_version_ != handled_version_ || (reading_ && reading_->done);
}

bool LiveSession::Impl::wait_for_work(std::unique_lock<std::mutex>& lock) {
  while (!has_work()) {
    if (reading_ || !has_new_input()) {
      changed_.wait(lock);
    } else if (LiveClock::now() < next_follow_) {
      changed_.wait_until(lock, next_follow_);
    } else {
      follow_input();
    }
  }
  return !over();
}

void LiveSession::Impl::reconfigure_loop() {
  base::lower_priority();
  std::unique_lock lock(mutex_);
  while (wait_for_work(lock)) {
    if (finish_reading(lock)) prepare_wanted(lock);
    changed_.notify_all();
  }
}

void LiveSession::Impl::prepare_wanted(std::unique_lock<std::mutex>& lock) {
  const Engine engine = engine_;
  const LiveSettings settings = wanted_;
  const std::uint64_t number = changes_.current, version = wanted_version_;
  again_ = false;
  lock.unlock();
  const std::optional<Error> problem = prepare_change(engine, settings, number);
  if (problem || !configured_.mixed) read_ = nullptr;
  lock.lock();
  if (problem) return take_back(*problem, lock, version, number);
  // The engine could not apply it meanwhile, or what it was prepared to follow.
  if (not_applied_ && changes_.current == number) return;
  handled_version_ = version;
  if (!configured_.mixed) configured_version_ = version;
}

std::vector<std::shared_ptr<const void>> LiveSession::Impl::prepare_programs(
    Engine& engine, const SessionOptions& options, const SessionOptions& now) {
  std::vector<std::shared_ptr<const void>> prepared;
  if (options.lora_scales != now.lora_scales) {  // they change first
    SessionOptions with_loras = options;
    with_loras.control_settings = now.control_settings;
    with_loras.image_prompts = now.image_prompts;
    prepared.push_back(engine.prepare_lora_scales(with_loras, stop_source_.get_token()));
  }
  if (options.control_settings != now.control_settings) {  // then these
    SessionOptions with_controls = options;
    with_controls.image_prompts = now.image_prompts;
    prepared.push_back(engine.prepare_control_settings(with_controls, stop_source_.get_token()));
  }
  if (options.image_prompts != now.image_prompts) {
    prepared.push_back(engine.prepare_image_prompts(options, stop_source_.get_token()));
  }
  return prepared;
}

SessionOptions LiveSession::Impl::options_before_changes() const {
  const std::lock_guard lock(mutex_);
  return pending_change_ && pending_change_->session ? pending_change_->session->options()
                                                     : in_force_.settings.options;
}

std::unique_ptr<LiveSession::Impl::Change> LiveSession::Impl::make_change(const Engine& engine,
                                                                          const LiveSettings& asked,
                                                                          std::uint64_t number) {
  Engine opened = engine;
  const SessionOptions& before = configured_.settings.options;
  auto change =
      std::make_unique<Change>(Change{.to = {.engine = engine,
                                             .settings = live::with_input(asked, input_of(asked)),
                                             .asked = asked,
                                             .change = number},
                                      .number = number});
  hold_images(*change);
  const LiveSettings& settings = change->to.settings;
  change->to.prompts = live::encode_prompts(opened, settings);
  std::ranges::move(
      live::encode_prompts(opened, configured_.settings.prompts, settings.options.lora_scales),
      std::back_inserter(change->to.prompts));
  encode_blend(*change);  // before a session is made, as all others
  if (!engine.is(configured_.engine) || !params::same_session(before, settings.options)) {
    change->session =
        std::make_unique<live::ActiveSession>(opened, settings, stop_source_.get_token());
  } else {
    // Changes that wait become one: its steps start from what holds, or from the last of them.
    change->prepared = prepare_programs(opened, settings.options, options_before_changes());
    std::ranges::move(prepare_programs(opened, settings.options, before),
                      std::back_inserter(change->prepared));
  }
  keep_read_images(*change);
  return change;
}

std::unique_lock<std::mutex> LiveSession::Impl::encode_blend(Change& change) {
  Engine opened = change.to.engine;
  const std::vector<float>& scales = change.to.settings.options.lora_scales;
  std::unique_lock lock(mutex_);
  for (std::vector<WeightedPrompt> encoded; encoded != blended_prompts_;) {
    encoded = blended_prompts_;
    lock.unlock();
    std::ranges::move(live::encode_prompts(opened, encoded, scales),
                      std::back_inserter(change.to.prompts));
    lock.lock();
  }
  return lock;
}

bool LiveSession::Impl::offer(std::unique_ptr<Change>& change) {
  const Configuration before = configured_;             // freed without the lock
  const std::unique_lock lock = encode_blend(*change);  // frames may have brought others
  if (not_applied_) return false;
  configured_ = change->to;
  changes_.prepared = change->to.change;
  if (!change->to.mixed) drop_reading(change->to.engine);
  // A change that was not applied yet may hold the session that this one goes on in, and programs
  // that this one needs as well.
  if (pending_change_ && !change->session) {
    change->session = std::move(pending_change_->session);
    std::ranges::move(pending_change_->prepared, std::back_inserter(change->prepared));
  }
  std::swap(pending_change_, change);  // the old one is freed without the lock
  return true;
}

std::optional<Error> LiveSession::Impl::prepare_change(const Engine& engine,
                                                       const LiveSettings& asked,
                                                       std::uint64_t number) {
  try {
    std::unique_ptr<Change> change;
    do {
      {
        const std::lock_guard lock(mutex_);
        start_from_in_force();
      }
      change = make_change(engine, asked, number);
    } while (!offer(change));
  } catch (const std::exception& error) {
    return base::error_from(error);
  }
  return std::nullopt;
}

}  // namespace streamdiffusion
