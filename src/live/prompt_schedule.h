// Prompts that change at set times of the input.
#pragma once

#include <memory>
#include <vector>

#include "live/blend_transition.h"
#include "params/table.h"

namespace streamdiffusion::live {

class PromptSchedule {
 public:
  using Prompts = std::shared_ptr<const std::vector<WeightedPrompt>>;

  /// `start` holds until the first entry. Times ascend.
  PromptSchedule(std::vector<WeightedPrompt> start, std::vector<params::ScheduledPrompts> entries);

  /// The blend at a time of the input, in seconds. Times of successive calls do not descend. The
  /// same pointer as the last one while nothing changes.
  Prompts at(double seconds);
  /// The entry that at() comes to next.
  std::size_t next() const { return next_; }

 private:
  static LiveClock::time_point moment(double seconds);

  std::vector<params::ScheduledPrompts> entries_;
  std::size_t next_ = 0;
  BlendTransition<WeightedPrompt> blend_;
  Prompts now_;
  bool changing_ = false;
};

}  // namespace streamdiffusion::live
