// What a client is told of its stream: rates and ages over the last seconds, counts since its
// start.
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::server {

/// Images that were sent, over the last ten seconds.
class SentWindow {
 public:
  void add(double age_seconds, base::Clock::time_point now = base::Clock::now());
  /// Images a second over the last two seconds.
  double fps(base::Clock::time_point now = base::Clock::now()) const;
  /// {"p50", "p95", "p99"} in milliseconds, by nearest rank; 0 for none.
  nlohmann::json ages(base::Clock::time_point now = base::Clock::now()) const;

 private:
  struct Sent {
    base::Clock::time_point at;
    double age;
  };
  std::deque<Sent> sent_;
};

/// What became of the images that a stream delivered to its client's connection.
struct Settled {
  /// Sent.
  std::uint64_t processed = 0, skipped = 0;
  /// By a newer one before the socket was free.
  std::uint64_t replaced = 0;
};

/// The stream's counters as the client sees them: an image that waits for the socket is still
/// under way, one that was replaced is dropped_undelivered. No counter ever falls.
LiveCounters as_seen(LiveCounters counters, const Settled& settled);

/// The counters as `stats` and /api/sessions show them.
nlohmann::json write_counters(const LiveCounters& counters);

}  // namespace streamdiffusion::server
