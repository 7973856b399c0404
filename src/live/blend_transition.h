// Blends from one blend of prompts, or of seeds, to another over time.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

inline const std::string& key_of(const WeightedPrompt& prompt) {
  return prompt.text;
}
inline std::int64_t key_of(const WeightedSeed& seed) {
  return seed.seed;
}

template <typename Weighted>
class BlendTransition {
 public:
  explicit BlendTransition(std::vector<Weighted> start) : to_(std::move(start)) {}

  /// Starts from the blend at `now`; reaches `to` after `seconds`.
  void start(std::vector<Weighted> to, double seconds, LiveClock::time_point now) {
    from_ = at(now);
    to_ = std::move(to);
    start_ = now;
    seconds_ = seconds;
  }
  /// The blend at a moment. Its weights sum to 1.
  std::vector<Weighted> at(LiveClock::time_point now) const {
    const double t = progress(now);
    std::vector<Weighted> blend;
    if (t < 1) add(blend, from_, 1 - t);
    add(blend, to_, t);
    std::erase_if(blend, [](const Weighted& each) { return each.weight < kMinWeight; });
    return blend;
  }
  /// What the blend is made of while it is running(), and what it is afterwards.
  const std::vector<Weighted>& from() const { return from_; }
  const std::vector<Weighted>& to() const { return to_; }
  /// False once `now` has reached the end.
  bool running(LiveClock::time_point now) const { return progress(now) < 1; }

 private:
  /// A smaller share of a blend is left out.
  static constexpr float kMinWeight = 1e-3F;

  /// Adds `share` of a blend to another, one entry a prompt or seed.
  static void add(std::vector<Weighted>& sum, const std::vector<Weighted>& blend, double share) {
    double total = 0;
    for (const Weighted& each : blend) total += each.weight;
    for (const Weighted& each : blend) {
      const auto weight = static_cast<float>(share * each.weight / total);
      const auto same = std::ranges::find_if(
          sum, [&](const Weighted& entry) { return key_of(entry) == key_of(each); });
      if (same != sum.end()) {
        same->weight += weight;
        continue;
      }
      sum.push_back(each);
      sum.back().weight = weight;
    }
  }

  double progress(LiveClock::time_point now) const {
    if (seconds_ <= 0) return 1;
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    return std::clamp(elapsed / seconds_, 0.0, 1.0);
  }

  std::vector<Weighted> from_, to_;
  LiveClock::time_point start_{};
  double seconds_ = 0;
};

}  // namespace streamdiffusion::live
