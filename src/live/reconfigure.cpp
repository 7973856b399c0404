// The reconfigure thread: prepares what a change of settings needs, while the stream runs.
#include "base/scheduling.h"
#include "live/live_session_impl.h"
#include "params/check.h"

namespace streamdiffusion {

void LiveSession::Impl::change(const Engine& engine, const LiveSettings& settings) {
  const std::lock_guard lock(mutex_);
  engine_ = engine;
  wanted_ = settings;
  ++wanted_version_;
  changed_.notify_all();
}

void LiveSession::Impl::reconfigure_loop() {
  base::lower_priority();
  std::unique_lock lock(mutex_);
  const auto over = [&] { return stopping_ || ended_[static_cast<std::size_t>(Stage::deliver)]; };
  while (true) {
    changed_.wait(lock, [&] { return over() || wanted_version_ != configured_version_; });
    if (over()) return;
    const Engine engine = engine_;
    const LiveSettings settings = wanted_;
    const std::uint64_t version = wanted_version_;
    lock.unlock();
    std::optional<Error> problem = prepare_change(engine, settings);
    if (problem && !stopping()) report(*problem, std::nullopt);
    lock.lock();
    configured_version_ = version;
    changed_.notify_all();
    if (problem && wanted_version_ == version) {  // back to the settings that are in force
      engine_ = configured_.engine;
      wanted_ = configured_.settings;
    }
  }
}

std::vector<std::shared_ptr<const void>> LiveSession::Impl::prepare_programs(
    Engine& engine, const SessionOptions& options) {
  const SessionOptions& now = configured_.settings.options;
  std::vector<std::shared_ptr<const void>> prepared;
  if (options.lora_scales != now.lora_scales) {  // they change first
    SessionOptions with_loras = options;
    with_loras.control_settings = now.control_settings;
    prepared.push_back(engine.prepare_lora_scales(with_loras, stop_source_.get_token()));
  }
  if (options.control_settings != now.control_settings) {
    prepared.push_back(engine.prepare_control_settings(options, stop_source_.get_token()));
  }
  return prepared;
}

std::optional<Error> LiveSession::Impl::prepare_change(Engine engine,
                                                       const LiveSettings& settings) {
  auto change = std::make_unique<Change>(Change{settings, nullptr, {}});
  try {
    const bool other_engine = !engine.is(configured_.engine);
    const std::vector<float>& scales = settings.options.lora_scales;
    for (const WeightedPrompt& prompt : settings.prompts) engine.encode_prompt(prompt.text, scales);
    for (const WeightedPrompt& prompt : configured_.settings.prompts) {
      engine.encode_prompt(prompt.text, scales);  // a transition starts from them
    }
    if (settings.negative_prompt) engine.encode_prompt(*settings.negative_prompt, scales);
    if (other_engine || !params::same_session(configured_.settings.options, settings.options)) {
      change->session =
          std::make_unique<live::ActiveSession>(engine, settings, stop_source_.get_token());
    } else {
      change->prepared = prepare_programs(engine, settings.options);
    }
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error(ErrorCode::internal, error.what());
  }
  configured_ = {engine, settings};
  const std::lock_guard lock(mutex_);
  // A change that was not applied yet may hold the session that this one goes on in.
  if (pending_change_ && !change->session) change->session = std::move(pending_change_->session);
  pending_change_ = std::move(change);
  return std::nullopt;
}

}  // namespace streamdiffusion
