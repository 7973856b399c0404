// Token buckets: one, and one per address.
#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace streamdiffusion::server {

class TokenBucket {
 public:
  /// Refills at `per_second` > 0 tokens. A burst of `burst` passes at once.
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  /// Takes one token. Returns false if there is none.
  bool take(base::Clock::time_point now = base::Clock::now()) {
    const double passed = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(burst_, tokens_ + std::max(passed, 0.0) * per_second_);
    last_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  base::Clock::time_point last() const { return last_; }

 private:
  double per_second_, burst_, tokens_;
  base::Clock::time_point last_ = base::Clock::now();
};

class RateLimiter {
 public:
  explicit RateLimiter(double per_second) : per_second_(per_second) {}

  bool take(const std::string& address) {
    const auto now = base::Clock::now();
    if (buckets_.size() > kMaxAddresses) remove_idle_buckets(now);
    return buckets_.try_emplace(address, per_second_, 2 * per_second_ + 1).first->second.take(now);
  }

 private:
  static constexpr std::size_t kMaxAddresses = 4096;

  /// A bucket that was not used for a few seconds is full again and need not be kept.
  void remove_idle_buckets(base::Clock::time_point now) {
    std::erase_if(buckets_, [now](const auto& entry) {
      return now - entry.second.last() > std::chrono::seconds(5);
    });
    if (buckets_.size() > kMaxAddresses) buckets_.clear();
  }

  double per_second_;
  std::unordered_map<std::string, TokenBucket> buckets_;
};

}  // namespace streamdiffusion::server
