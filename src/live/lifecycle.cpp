// How a live session starts and ends. Whatever a stage does, its thread's end is noted, and the
// last one to end settles the session: only then are its counters final and its slot free.
#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"
#include "live/live_session_impl.h"

namespace streamdiffusion {
namespace {

/// How long the threads have to end, from the order to stop.
constexpr std::chrono::seconds kStopTimeout{5};

}  // namespace

void LiveSession::Impl::start() {
  try {
    run_stage(Stage::prepare, &Impl::prepare_loop);
    run_stage(Stage::engine, &Impl::engine_loop);
    run_stage(Stage::deliver, &Impl::deliver_loop);
    run_stage(Stage::reconfigure, &Impl::reconfigure_loop);
    run_stage(Stage::read_images, &Impl::read_images_loop);
  } catch (...) {
    stop();  // those that did start would keep this session for ever
    throw;
  }
  const std::lock_guard lock(mutex_);
  started_ = true;
}

void LiveSession::Impl::run_stage(Stage stage, void (Impl::*loop)()) {
  const auto index = static_cast<std::size_t>(stage);
  const auto set_ended = [&](bool ended) {
    const std::lock_guard lock(mutex_);
    ended_[index] = ended;
  };
  set_ended(false);
  try {
    threads_[index] = base::start_thread([self = shared_from_this(), index, loop] {
      try {
        ((*self).*loop)();
      } catch (const std::exception& error) {
        self->break_down(index, base::words_of(error));
      } catch (...) {
        self->break_down(index, "an exception of an unknown type");
      }
      self->end_stage(index);
    });
  } catch (...) {
    set_ended(true);
    throw;
  }
}

void LiveSession::Impl::break_down(std::size_t stage, const char* reason) {
  base::warn("a live session's ", kStageNames[stage], " thread failed: ", reason);
  {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    if (!stopping_) {
      state_ = LiveState::failed;
      failure_ = Error(ErrorCode::internal, reason);
    }
  }
  close_queues();
}

void LiveSession::Impl::end_stage(std::size_t stage) {
  if (stage == static_cast<std::size_t>(Stage::deliver)) end_preparing();
  {
    const std::lock_guard lock(mutex_);
    const auto ended = std::ranges::count(ended_, true);
    if (ended + 1 < static_cast<std::ptrdiff_t>(kStages)) {
      ended_[stage] = true;
      changed_.notify_all();
      return;
    }
  }
  settle();
  bool announced = false;
  {
    const std::lock_guard lock(mutex_);
    if (state_ != LiveState::failed) state_ = LiveState::stopped;
    slot_.reset();
    announced = started_;
    ended_[stage] = true;
    changed_.notify_all();
  }
  if (announced && callbacks_.ended) callbacks_.ended();
}

void LiveSession::Impl::end_preparing() {
  std::shared_ptr<live::ImageReading> unused;
  {
    const std::lock_guard lock(mutex_);
    delivered_ = true;
    if (reading_) reading_->stop.request_stop();
    unused = std::move(reading_);
    changed_.notify_all();
  }
  stop_source_.request_stop();
}

void LiveSession::Impl::settle() {
  discard_queues();  // whoever stops may not have come to it
  std::unique_ptr<Change> unused;
  {
    const std::lock_guard no_submission(submit_mutex_);
    const std::lock_guard lock(mutex_);
    unused = std::move(pending_change_);
    if (broken_) counters_.add(&LiveCounters::failed, counters_.values().in_flight());
  }
  switcher_.reset();
}

bool LiveSession::Impl::all_ended() const {
  return std::ranges::all_of(ended_, std::identity());
}

void LiveSession::Impl::close() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  arrived_.close();
}

void LiveSession::Impl::drain() {
  close();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return over(); });
  }
  join();
}

void LiveSession::Impl::halt() {
  close_queues();
  if (!callbacks_.interrupt || state() == LiveState::stopped) return;
  if (!interrupted_.exchange(true)) callbacks_.interrupt();
}

void LiveSession::Impl::stop() {
  halt();
  join();
}

void LiveSession::Impl::close_queues() {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) stop_deadline_ = LiveClock::now() + kStopTimeout;
    stopping_ = true;
    changed_.notify_all();
  }
  stop_source_.request_stop();
  discard_queues();
}

void LiveSession::Impl::discard_queues() {
  const auto count = [this](std::size_t dropped) {
    counters_.add(&LiveCounters::dropped_stopped, dropped);
  };
  arrived_.discard(count);
  prepared_.discard(count);
  finished_.discard(count);
}

void LiveSession::Impl::join() {
  const std::lock_guard one_at_a_time(join_mutex_);
  std::unique_lock lock(mutex_);
  if (!stopping_) {  // drained: the rest ends by itself
    changed_.wait_for(lock, kStopTimeout, [&] { return stopping_ || all_ended(); });
  }
  if (stopping_) changed_.wait_until(lock, stop_deadline_, [&] { return all_ended(); });
  for (std::size_t i = 0; i < kStages; ++i) {
    if (!threads_[i].joinable()) continue;
    const bool ended = ended_[i];
    lock.unlock();  // the log's callback may ask the session something
    if (ended) {
      threads_[i].join();
    } else {
      base::warn("a live session's ", kStageNames[i], " thread does not return; it is left behind");
      threads_[i].detach();
    }
    lock.lock();
  }
  if (state_ != LiveState::failed) state_ = LiveState::stopped;
}

}  // namespace streamdiffusion
