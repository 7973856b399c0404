// The one clock of the library: steady, in seconds.
#pragma once

#include <chrono>

namespace streamdiffusion::base {

using Clock = std::chrono::steady_clock;

/// Of a moment, from the clock's beginning.
inline double seconds_of(Clock::time_point moment) {
  return std::chrono::duration<double>(moment.time_since_epoch()).count();
}

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace streamdiffusion::base
