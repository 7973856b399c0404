// A bucket of permissions that fills at a steady rate; and one such bucket for each address.
#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace streamdiffusion::server {

class TokenBucket {
 public:
  /// `per_second` > 0; a burst of `burst` passes at once.
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), held_(burst) {}

  /// Takes one permission; false when there is none.
  bool take(base::Clock::time_point now = base::Clock::now()) {
    const double passed = std::chrono::duration<double>(now - last_).count();
    held_ = std::min(burst_, held_ + std::max(passed, 0.0) * per_second_);
    last_ = now;
    if (held_ < 1) return false;
    held_ -= 1;
    return true;
  }
  base::Clock::time_point last() const { return last_; }

 private:
  double per_second_, burst_, held_;
  base::Clock::time_point last_ = base::Clock::now();
};

class RateLimit {
 public:
  explicit RateLimit(double per_second) : per_second_(per_second) {}

  bool take(const std::string& address) {
    const auto now = base::Clock::now();
    if (buckets_.size() > kMostAddresses) forget(now);
    return buckets_.try_emplace(address, per_second_, 2 * per_second_ + 1).first->second.take(now);
  }

 private:
  static constexpr std::size_t kMostAddresses = 4096;

  /// Buckets unused for a few seconds are full again and tell nothing.
  void forget(base::Clock::time_point now) {
    std::erase_if(buckets_, [now](const auto& entry) {
      return now - entry.second.last() > std::chrono::seconds(5);
    });
    if (buckets_.size() > kMostAddresses) buckets_.clear();
  }

  double per_second_;
  std::unordered_map<std::string, TokenBucket> buckets_;
};

}  // namespace streamdiffusion::server
