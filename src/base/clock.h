// The one clock of the library: steady, in seconds.
#pragma once

#include <chrono>

namespace streamdiffusion::base {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace streamdiffusion::base
