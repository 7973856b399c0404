// The books of a live session: every captured frame ends under exactly one heading.
#pragma once

#include <mutex>

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

class Ledger {
 public:
  using Heading = std::uint64_t LiveCounters::*;

  void add(Heading heading, std::uint64_t count = 1) {
    const std::lock_guard lock(mutex_);
    counters_.*heading += count;
  }
  void move(Heading from, Heading to) {
    const std::lock_guard lock(mutex_);
    --(counters_.*from);
    ++(counters_.*to);
  }
  /// One call of the engine that took so many seconds; the mean forgets over about ten of them.
  void add_call(double seconds) {
    const std::lock_guard lock(mutex_);
    call_seconds_ += (call_seconds_ == 0 ? 1.0 : 0.1) * (seconds - call_seconds_);
  }
  void set_times(const SessionTimes& times) {
    const std::lock_guard lock(mutex_);
    times_ = times;
  }
  LiveCounters counters() const {
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
