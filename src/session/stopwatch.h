// Adds the time until its end to a sum, without what was waited for a turn meanwhile.
#pragma once

#include "base/clock.h"

namespace streamdiffusion::session {

class Stopwatch {
 public:
  /// Both in seconds; they must outlive this.
  Stopwatch(double& sum, const double& waited) : sum_(sum), waited_(waited), before_(waited) {}
  ~Stopwatch() { sum_ += base::seconds_since(start_) - (waited_ - before_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& sum_;
  const double& waited_;
  const double before_;
  base::Clock::time_point start_ = base::Clock::now();
};

}  // namespace streamdiffusion::session
