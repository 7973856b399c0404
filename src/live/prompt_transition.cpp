#include "live/prompt_transition.h"

#include <algorithm>

namespace streamdiffusion::live {
namespace {

constexpr float kLeastWeight = 1e-3F;  // a smaller share of a blend is left out

/// Adds `share` of a blend to another, one entry a text.
void add(std::vector<WeightedPrompt>& sum, const std::vector<WeightedPrompt>& prompts,
         double share) {
  double total = 0;
  for (const WeightedPrompt& prompt : prompts) total += prompt.weight;
  for (const WeightedPrompt& prompt : prompts) {
    const auto weight = static_cast<float>(share * prompt.weight / total);
    const auto same = std::find_if(sum.begin(), sum.end(),
                                   [&](const auto& entry) { return entry.text == prompt.text; });
    same == sum.end() ? sum.push_back({prompt.text, weight}) : void(same->weight += weight);
  }
}

}  // namespace

void PromptTransition::start(std::vector<WeightedPrompt> prompts, double seconds,
                             LiveClock::time_point now) {
  from_ = at(now);
  to_ = std::move(prompts);
  start_ = now;
  seconds_ = seconds;
}

double PromptTransition::progress(LiveClock::time_point now) const {
  if (seconds_ <= 0) return 1;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  return std::clamp(elapsed / seconds_, 0.0, 1.0);
}

std::vector<WeightedPrompt> PromptTransition::at(LiveClock::time_point now) const {
  const double t = progress(now);
  std::vector<WeightedPrompt> blend;
  if (t < 1) add(blend, from_, 1 - t);
  add(blend, to_, t);
  std::erase_if(blend, [](const WeightedPrompt& prompt) { return prompt.weight < kLeastWeight; });
  return blend;
}

bool PromptTransition::running(LiveClock::time_point now) const {
  return progress(now) < 1;
}

}  // namespace streamdiffusion::live
