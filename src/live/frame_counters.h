// Counts what becomes of the frames of a live session: each captured frame ends in exactly one
// counter. Also keeps the times. May be used from any thread.
#pragma once

#include <mutex>

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

class FrameCounters {
 public:
  /// One of LiveCounters, for example &LiveCounters::failed.
  using Counter = std::uint64_t LiveCounters::*;

  void add(Counter counter, std::uint64_t count = 1) {
    const std::lock_guard lock(mutex_);
    counters_.*counter += count;
  }
  void move(Counter from, Counter to) {
    const std::lock_guard lock(mutex_);
    --(counters_.*from);
    ++(counters_.*to);
  }
  /// Adds the duration of an engine call to an exponential mean over about ten calls.
  void add_call(double seconds) {
    const std::lock_guard lock(mutex_);
    call_seconds_ += (call_seconds_ == 0 ? 1.0 : 0.1) * (seconds - call_seconds_);
  }
  void set_times(const SessionTimes& times) {
    const std::lock_guard lock(mutex_);
    times_ = times;
  }
  LiveCounters values() const {
    const std::lock_guard lock(mutex_);
    return counters_;
  }
  double call_seconds() const {
    const std::lock_guard lock(mutex_);
    return call_seconds_;
  }
  SessionTimes times() const {
    const std::lock_guard lock(mutex_);
    return times_;
  }

 private:
  mutable std::mutex mutex_;
  LiveCounters counters_;
  SessionTimes times_;
  double call_seconds_ = 0;
};

}  // namespace streamdiffusion::live
