// Prompts on their way from one mixture to another, over time.
#pragma once

#include <vector>

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

class PromptMotion {
 public:
  explicit PromptMotion(std::vector<WeightedPrompt> start) : to_(std::move(start)) {}

  /// Sets off towards `prompts` from wherever the mixture is at `now`; arrives after `seconds`.
  void move_to(std::vector<WeightedPrompt> prompts, double seconds, LiveClock::time_point now);
  /// The mixture at a moment, weights summing to 1.
  std::vector<WeightedPrompt> at(LiveClock::time_point now) const;
  /// True until `now` has reached the end.
  bool moving(LiveClock::time_point now) const;

 private:
  double share(LiveClock::time_point now) const;

  std::vector<WeightedPrompt> from_, to_;
  LiveClock::time_point start_{};
  double seconds_ = 0;
};

}  // namespace streamdiffusion::live
