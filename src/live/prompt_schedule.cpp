#include "live/prompt_schedule.h"

#include <algorithm>
#include <utility>

namespace streamdiffusion::live {

PromptSchedule::PromptSchedule(std::vector<WeightedPrompt> start,
                               std::vector<params::ScheduledPrompts> entries)
    : entries_(std::move(entries)),
      blend_(start),
      now_(std::make_shared<const std::vector<WeightedPrompt>>(std::move(start))) {}

PromptSchedule::Prompts PromptSchedule::at(double seconds) {
  while (next_ < entries_.size() && entries_[next_].time <= seconds) {
    const params::ScheduledPrompts& entry = entries_[next_++];
    blend_.start(entry.prompts, entry.transition_seconds, moment(entry.time));
    changing_ = true;
  }
  if (!changing_) return now_;
  now_ = std::make_shared<const std::vector<WeightedPrompt>>(blend_.at(moment(seconds)));
  changing_ = blend_.running(moment(seconds));
  return now_;
}

LiveClock::time_point PromptSchedule::moment(double seconds) {
  constexpr double kLongest = 1e9;  // in nanoseconds far below the largest number
  seconds = std::clamp(seconds, -kLongest, kLongest);
  return LiveClock::time_point(
      std::chrono::duration_cast<LiveClock::duration>(std::chrono::duration<double>(seconds)));
}

}  // namespace streamdiffusion::live
