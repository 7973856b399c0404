// The planner's thread: what a change of settings needs is made beside the running stream.
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

void LiveSession::Impl::planner_loop() {
  base::step_back();
  std::unique_lock lock(mutex_);
  const auto over = [&] { return halted_ || ended_[static_cast<std::size_t>(Stage::deliver)]; };
  while (true) {
    changed_.wait(lock, [&] { return over() || wanted_version_ != planned_version_; });
    if (over()) return;
    const Engine engine = engine_;
    const LiveSettings settings = wanted_;
    const std::uint64_t version = wanted_version_;
    lock.unlock();
    std::optional<Error> problem = plan(engine, settings);
    if (problem) report(*problem, std::nullopt);
    lock.lock();
    planned_version_ = version;
    changed_.notify_all();
    if (problem && wanted_version_ == version) {
      engine_ = planned_.engine;
      wanted_ = planned_.settings;
    }
  }
}

std::optional<Error> LiveSession::Impl::plan(Engine engine, const LiveSettings& settings) {
  auto change = std::make_unique<Change>(Change{settings, nullptr});
  try {
    const bool other_engine = !engine.is(planned_.engine);
    for (const WeightedPrompt& prompt : settings.prompts) engine.encode_prompt(prompt.text);
    for (const WeightedPrompt& prompt : planned_.settings.prompts) {
      engine.encode_prompt(prompt.text);  // a transition starts from them
    }
    engine.encode_prompt(*settings.negative_prompt);
    if (other_engine || !params::same_plan(planned_.settings.options, settings.options)) {
      change->stream = std::make_unique<live::Stream>(engine, settings);
    }
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error(ErrorCode::internal, error.what());
  }
  planned_ = {engine, settings};
  const std::lock_guard lock(mutex_);
  if (change_ && !change->stream) change->stream = std::move(change_->stream);
  change_ = std::move(change);
  return std::nullopt;
}

}  // namespace streamdiffusion
