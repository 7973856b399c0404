// The reconfigure thread: prepares what a change of settings needs, while the stream runs.
#include <algorithm>
#include <iterator>

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
  current_change_ = ++wanted_version_;
  changed_.notify_all();
  return current_change_;
}

std::uint64_t LiveSession::Impl::current_change() const {
  const std::lock_guard lock(mutex_);
  return current_change_;
}

void LiveSession::Impl::take_back(std::uint64_t version) {
  const std::lock_guard lock(mutex_);
  if (wanted_version_ != version) return;
  engine_ = configured_.engine;
  wanted_ = configured_.asked;
  current_change_ = configured_.change;
}

void LiveSession::Impl::reconfigure_loop() {
  base::lower_priority();
  std::unique_lock lock(mutex_);
  const auto over = [&] { return stopping_ || ended_[static_cast<std::size_t>(Stage::deliver)]; };
  const auto changed = [&] { return over() || wanted_version_ != configured_version_; };
  while (true) {
    changed_.wait(lock, [&] { return changed() || has_new_input(); });
    if (has_new_input()) changed_.wait_until(lock, next_follow_, changed);
    if (over()) return;
    if (wanted_version_ == configured_version_) {
      follow_input(lock);
      continue;
    }
    const Engine engine = engine_;
    const LiveSettings settings = wanted_;
    const std::uint64_t version = wanted_version_;
    lock.unlock();
    const std::optional<Error> problem = prepare_change(engine, settings);
    if (problem) {
      take_back(version);
      if (!stopping()) report(*problem, std::nullopt);
    } else {
      configured_.change = version;
    }
    lock.lock();
    configured_version_ = version;
    changed_.notify_all();
  }
}

std::vector<std::shared_ptr<const void>> LiveSession::Impl::prepare_programs(
    Engine& engine, const SessionOptions& options) {
  const SessionOptions& now = configured_.settings.options;
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

std::optional<Error> LiveSession::Impl::prepare_change(Engine engine, const LiveSettings& asked) {
  const LiveSettings settings = live::with_input(asked, take_input());
  auto change = std::make_unique<Change>(Change{settings, nullptr, {}});
  const bool other_engine = !engine.is(configured_.engine);
  std::shared_ptr<const void> encoders = other_engine ? nullptr : configured_.encoders;
  if (!live::follows_input(settings.options)) encoders = nullptr;
  try {
    live::encode_prompts(engine, settings);
    for (const WeightedPrompt& prompt : configured_.settings.prompts) {
      engine.encode_prompt(prompt.text, settings.options.lora_scales);  // a transition's start
    }
    if (other_engine || !params::same_session(configured_.settings.options, settings.options)) {
      change->session =
          std::make_unique<live::ActiveSession>(engine, settings, stop_source_.get_token());
    } else {
      change->prepared = prepare_programs(engine, settings.options);
      const bool new_images =
          settings.options.image_prompts != configured_.settings.options.image_prompts;
      if (new_images && live::follows_input(settings.options)) encoders = change->prepared.back();
    }
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error(ErrorCode::internal, error.what());
  }
  configured_.engine = engine;
  configured_.settings = settings;
  configured_.asked = asked;
  configured_.encoders = std::move(encoders);
  const std::lock_guard lock(mutex_);
  // A change that was not applied yet may hold the session that this one goes on in, and programs
  // that this one needs as well.
  if (pending_change_ && !change->session) {
    change->session = std::move(pending_change_->session);
    std::ranges::move(pending_change_->prepared, std::back_inserter(change->prepared));
  }
  pending_change_ = std::move(change);
  return std::nullopt;
}

}  // namespace streamdiffusion
