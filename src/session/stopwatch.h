// Adds the time until its end to a sum, without what was waited for a turn meanwhile.
#pragma once

#include "base/turn_queue.h"

namespace streamdiffusion::session {

class Stopwatch {
 public:
  /// Both in seconds of the clock of `turns`; all must outlive this.
  Stopwatch(double& sum, const double& waited, const base::TurnQueue& turns)
      : sum_(sum), waited_(waited), turns_(turns), before_(waited), start_(turns.now()) {}
  ~Stopwatch() { sum_ += turns_.now() - start_ - (waited_ - before_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& sum_;
  const double& waited_;
  const base::TurnQueue& turns_;
  const double before_, start_;
};

}  // namespace streamdiffusion::session
