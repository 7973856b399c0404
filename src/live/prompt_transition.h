// Blends from one blend of prompts to another over time.
#pragma once

#include <vector>

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

class PromptTransition {
 public:
  explicit PromptTransition(std::vector<WeightedPrompt> start) : to_(std::move(start)) {}

  /// Starts from the blend at `now`; reaches `prompts` after `seconds`.
  void start(std::vector<WeightedPrompt> prompts, double seconds, LiveClock::time_point now);
  /// The blend at a moment. Its weights sum to 1.
  std::vector<WeightedPrompt> at(LiveClock::time_point now) const;
  /// False once `now` has reached the end.
  bool running(LiveClock::time_point now) const;

 private:
  double progress(LiveClock::time_point now) const;

  std::vector<WeightedPrompt> from_, to_;
  LiveClock::time_point start_{};
  double seconds_ = 0;
};

}  // namespace streamdiffusion::live
