#include "live/live_session_impl.h"

#include <algorithm>

#include "base/log.h"
#include "image/resize.h"

namespace streamdiffusion {
namespace {

constexpr double kPatience = 5;  // seconds that stop() waits for a thread

double seconds(LiveClock::duration span) {
  return std::chrono::duration<double>(span).count();
}

}  // namespace

LiveSession::Impl::Impl(Engine engine, const std::shared_ptr<Engine::Impl>& seats,
                        const LiveSettings& settings, QueuePolicy policy, LiveCallbacks callbacks)
    : seat_owner_(seats),
      policy_(policy),
      callbacks_(std::move(callbacks)),
      arrived_(policy),
      prepared_(policy),
      finished_(policy),
      engine_(engine),
      wanted_(settings),
      planned_{engine, settings} {
  seat_.emplace(seats->seats);
  relay_.emplace(std::make_unique<live::Stream>(engine, settings), settings);
}

void LiveSession::Impl::start() {
  run_stage(Stage::prepare, &Impl::prepare_loop);
  run_stage(Stage::engine, &Impl::engine_loop);
  run_stage(Stage::deliver, &Impl::deliver_loop);
  run_stage(Stage::planner, &Impl::planner_loop);
}

void LiveSession::Impl::run_stage(Stage stage, void (Impl::*loop)()) {
  const auto index = static_cast<std::size_t>(stage);
  threads_[index] = std::thread([self = shared_from_this(), index, loop] {
    ((*self).*loop)();
    const std::lock_guard lock(self->mutex_);
    self->ended_[index] = true;
    self->changed_.notify_all();
  });
}

std::optional<std::uint64_t> LiveSession::Impl::submit(LiveFrame source) {
  const std::lock_guard in_order(submit_mutex_);
  Frame frame;
  {
    const std::lock_guard lock(mutex_);
    if (draining_ || halted_) return std::nullopt;
    frame.output.frame_id = next_id_++;
    ledger_.add(&LiveCounters::captured);
    if (state_ == LiveState::paused) {
      ledger_.add(&LiveCounters::dropped_paused);
      return frame.output.frame_id;
    }
  }
  const std::uint64_t id = frame.output.frame_id;
  frame.output.captured = source.captured;
  frame.output.tag = std::move(source.tag);
  frame.decode = std::move(source.image);
  put(arrived_, std::move(frame), &LiveCounters::dropped_waiting);
  return id;
}

void LiveSession::Impl::prepare_loop() {
  while (auto frame = arrived_.take()) {
    if (prepare(*frame)) put(prepared_, std::move(*frame), &LiveCounters::dropped_prepared);
  }
  prepared_.close();
}

/// False for a frame that failed.
bool LiveSession::Impl::prepare(Frame& frame) {
  try {
    if (frame.decode) {
      const LiveSettings wanted = settings();
      frame.image = frame.decode();
      frame.decode = nullptr;
      frame.image =
          image::fit(frame.image, *wanted.options.width, *wanted.options.height, wanted.fit);
    }
    frame.output.prepared = LiveClock::now();
    return true;
  } catch (const Error& error) {
    report(error, frame.output.frame_id);
  } catch (const std::exception& error) {
    report(Error(ErrorCode::internal, error.what()), frame.output.frame_id);
  }
  ledger_.add(&LiveCounters::failed);
  return false;
}

void LiveSession::Impl::engine_loop() {
  // Live images do not wait for the next frame to push them on; files may.
  const bool eager = policy_.kind != QueuePolicy::Kind::block;
  while (true) {
    std::optional<Frame> frame =
        eager && relay_->in_flight() > 0 ? prepared_.try_take() : prepared_.take();
    if (halted() || (!frame && relay_->in_flight() == 0)) {
      if (frame) ledger_.add(&LiveCounters::dropped_stopped);
      break;
    }
    if (frame && frame->image.rgb.empty()) wait_for_plan();
    edge();
    const double unet = relay_->times().unet;
    const auto start = LiveClock::now();
    live::Step step = frame ? relay_->enter(std::move(*frame)) : relay_->advance();
    ledger_.set_times(relay_->times());
    if (relay_->times().unet > unet) ledger_.add_call(seconds(LiveClock::now() - start));
    pass_on(std::move(step));
  }
  ledger_.add(&LiveCounters::dropped_stopped, relay_->in_flight());
  finished_.close();
}

/// A frame without an image may be meant for a stream that is still being planned, perhaps behind
/// another change.
void LiveSession::Impl::wait_for_plan() {
  while (!relay_->draws_from_text()) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock,
                    [&] { return halted_ || change_ || wanted_version_ == planned_version_; });
      if (halted_ || !change_) return;
    }
    edge();
  }
}

void LiveSession::Impl::edge() {
  std::unique_ptr<Change> change;
  {
    const std::lock_guard lock(mutex_);
    change = std::move(change_);
  }
  if (!change) return;
  try {
    change->stream ? relay_->hand_over(std::move(change->stream), change->settings)
                   : relay_->apply(change->settings);
  } catch (const Error& error) {
    report(error, std::nullopt);
  }
}

void LiveSession::Impl::pass_on(live::Step step) {
  for (const live::FailedFrame& frame : step.failed) {
    ledger_.add(&LiveCounters::failed);
    report(frame.error, frame.frame_id);
  }
  for (LiveOutput& output : step.finished)
    put(finished_, std::move(output), &LiveCounters::dropped_undelivered);
}

void LiveSession::Impl::deliver_loop() {
  while (auto output = finished_.take()) deliver(*output);
  const std::lock_guard lock(mutex_);
  if (state_ != LiveState::failed) state_ = LiveState::stopped;
}

void LiveSession::Impl::deliver(const LiveOutput& output) {
  const auto heading = output.reused ? &LiveCounters::skipped : &LiveCounters::processed;
  ledger_.add(heading);  // whoever has the image finds it in the books
  try {
    callbacks_.output(output);
  } catch (const Error& error) {
    ledger_.move(heading, &LiveCounters::failed);
    fail(error, output.frame_id);
  } catch (const std::exception& error) {
    ledger_.move(heading, &LiveCounters::failed);
    fail(Error(ErrorCode::internal, error.what()), output.frame_id);
  }
}

void LiveSession::Impl::report(const Error& error, std::optional<std::uint64_t> frame_id) {
  if (!callbacks_.error) return;
  try {
    callbacks_.error(error, frame_id);
  } catch (const std::exception& second) {
    base::warn("the error callback of a live session threw: ", second.what());
  }
}

void LiveSession::Impl::fail(const Error& error, std::uint64_t frame_id) {
  {
    const std::lock_guard lock(mutex_);
    if (halted_) return;
    state_ = LiveState::failed;
    failure_ = error;
  }
  halt();
  report(error, frame_id);
}

void LiveSession::Impl::set_paused(bool paused) {
  const std::lock_guard lock(mutex_);
  if (state_ == LiveState::running && paused) state_ = LiveState::paused;
  if (state_ == LiveState::paused && !paused) state_ = LiveState::running;
}

void LiveSession::Impl::drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  arrived_.close();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_[static_cast<std::size_t>(Stage::deliver)]; });
  }
  join();
}

void LiveSession::Impl::stop() {
  halt();
  if (callbacks_.interrupt && state() != LiveState::stopped) callbacks_.interrupt();
  join();
}

void LiveSession::Impl::halt() {
  {
    const std::lock_guard lock(mutex_);
    halted_ = true;
    changed_.notify_all();
  }
  ledger_.add(&LiveCounters::dropped_stopped,
              arrived_.discard() + prepared_.discard() + finished_.discard());
}

bool LiveSession::Impl::halted() const {
  const std::lock_guard lock(mutex_);
  return halted_;
}

void LiveSession::Impl::join() {
  const std::lock_guard one_at_a_time(join_mutex_);
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::duration<double>(kPatience),
                    [&] { return std::all_of(ended_.begin(), ended_.end(), std::identity()); });
  for (std::size_t i = 0; i < kStages; ++i) {
    if (!threads_[i].joinable()) continue;
    if (!ended_[i]) {
      base::warn("a live session's ", kStageNames[i], " thread does not return; it is left behind");
      threads_[i].detach();
      continue;
    }
    lock.unlock();
    threads_[i].join();
    lock.lock();
  }
  seat_.reset();
  if (state_ != LiveState::failed) state_ = LiveState::stopped;
}

Engine LiveSession::Impl::engine() const {
  const std::lock_guard lock(mutex_);
  return engine_;
}
LiveSettings LiveSession::Impl::settings() const {
  const std::lock_guard lock(mutex_);
  return wanted_;
}
bool LiveSession::Impl::planning() const {
  const std::lock_guard lock(mutex_);
  return wanted_version_ != planned_version_;
}
LiveState LiveSession::Impl::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}
std::optional<Error> LiveSession::Impl::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace streamdiffusion
