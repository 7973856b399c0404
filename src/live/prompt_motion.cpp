#include "live/prompt_motion.h"

#include <algorithm>

namespace streamdiffusion::live {
namespace {

constexpr float kLeast = 1e-3F;  // of a mixture; less is left out

/// Adds `share` of a mixture to another, one entry a text.
void add(std::vector<WeightedPrompt>& sum, const std::vector<WeightedPrompt>& part, double share) {
  double total = 0;
  for (const WeightedPrompt& prompt : part) total += prompt.weight;
  for (const WeightedPrompt& prompt : part) {
    const auto weight = static_cast<float>(share * prompt.weight / total);
    const auto same = std::find_if(sum.begin(), sum.end(),
                                   [&](const auto& entry) { return entry.text == prompt.text; });
    same == sum.end() ? sum.push_back({prompt.text, weight}) : void(same->weight += weight);
  }
}

}  // namespace

void PromptMotion::move_to(std::vector<WeightedPrompt> prompts, double seconds,
                           LiveClock::time_point now) {
  from_ = at(now);
  to_ = std::move(prompts);
  start_ = now;
  seconds_ = seconds;
}

double PromptMotion::share(LiveClock::time_point now) const {
  if (seconds_ <= 0) return 1;
  const double gone = std::chrono::duration<double>(now - start_).count();
  return std::clamp(gone / seconds_, 0.0, 1.0);
}

std::vector<WeightedPrompt> PromptMotion::at(LiveClock::time_point now) const {
  const double t = share(now);
  std::vector<WeightedPrompt> mixture;
  if (t < 1) add(mixture, from_, 1 - t);
  add(mixture, to_, t);
  std::erase_if(mixture, [](const WeightedPrompt& prompt) { return prompt.weight < kLeast; });
  return mixture;
}

bool PromptMotion::moving(LiveClock::time_point now) const {
  return share(now) < 1;
}

}  // namespace streamdiffusion::live
