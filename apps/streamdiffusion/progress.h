// What a person sees while frames go by: a bar on a terminal, nothing into a pipe, and a summary at
// the end.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"

namespace streamdiffusion::app {

/// p in 0..1 of the values, by nearest rank; 0 for none.
double percentile(std::vector<double> values, double p);

class Progress {
 public:
  /// `total` 0: unknown. A quiet one prints nothing.
  Progress(std::size_t total, bool quiet);
  ~Progress();

  /// One more frame done, which took `seconds`.
  void step(double seconds);
  std::size_t done() const { return seconds_.size(); }
  /// "41.2 fps  p50 22.1 ms  p99 29.0 ms"
  std::string summary() const;

 private:
  void draw() const;

  std::size_t total_;
  bool live_;
  base::Clock::time_point start_ = base::Clock::now();
  mutable base::Clock::time_point drawn_{};
  std::vector<double> seconds_;
};

}  // namespace streamdiffusion::app
