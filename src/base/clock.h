// The library measures time with one clock: steady, in seconds as double.
#pragma once

#include <chrono>

namespace streamdiffusion::base {

using Clock = std::chrono::steady_clock;

/// Seconds from the clock's epoch to `time`.
inline double seconds_of(Clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// Seconds from `start` until now.
inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace streamdiffusion::base
