// Token buckets: one, and one per client.
#pragma once

#include <algorithm>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/clock.h"

namespace streamdiffusion::server {

class TokenBucket {
 public:
  /// Refills at `per_second` > 0 tokens. A burst of `burst` passes at once.
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  /// Takes `tokens`. Returns false if there are not so many. More than fit into the bucket are
  /// taken from a full one.
  bool take(double tokens = 1, base::Clock::time_point now = base::Clock::now()) {
    const double passed = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(burst_, tokens_ + std::max(passed, 0.0) * per_second_);
    last_ = now;
    if (tokens_ < std::min(tokens, burst_)) return false;
    tokens_ -= tokens;
    return true;
  }

 private:
  double per_second_, burst_, tokens_;
  base::Clock::time_point last_ = base::Clock::now();
};

/// Keeps the buckets of the clients that came last. A client beyond those begins with a full one.
class RateLimiter {
 public:
  explicit RateLimiter(double per_second) : per_second_(per_second) {}

  bool take(const std::string& client, double tokens = 1,
            base::Clock::time_point now = base::Clock::now()) {
    const auto found = position_.find(client);
    if (found == position_.end()) {
      if (position_.size() >= kMaxClients) {
        position_.erase(buckets_.back().first);
        buckets_.pop_back();
      }
      buckets_.emplace_front(client, TokenBucket(per_second_, 2 * per_second_ + 1));
      position_.emplace(client, buckets_.begin());
    } else {
      buckets_.splice(buckets_.begin(), buckets_, found->second);
    }
    return buckets_.front().second.take(tokens, now);
  }
  std::size_t clients() const { return buckets_.size(); }

  static constexpr std::size_t kMaxClients = 4096;

 private:
  using Buckets = std::list<std::pair<std::string, TokenBucket>>;

  double per_second_;
  /// The one used last comes first.
  Buckets buckets_;
  std::unordered_map<std::string, Buckets::iterator> position_;
};

}  // namespace streamdiffusion::server
