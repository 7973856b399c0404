// Statistics of the images that a client receives: frame rate, ages and counts.
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::server {

/// The images that were sent in the last ten seconds.
class DeliveryWindow {
 public:
  void add(double age_seconds, base::Clock::time_point now = base::Clock::now());
  /// Images per second over the last two seconds.
  double fps(base::Clock::time_point now = base::Clock::now()) const;
  /// {"p50", "p95", "p99"} in milliseconds by nearest rank, or 0 without images.
  nlohmann::json ages(base::Clock::time_point now = base::Clock::now()) const;

 private:
  struct Sent {
    base::Clock::time_point at;
    double age;
  };
  std::deque<Sent> sent_;
};

/// What happened to the images that a stream handed to its client's connection.
struct DeliveryCounts {
  /// Sent: generated images, and reused ones.
  std::uint64_t processed = 0, skipped = 0;
  /// Replaced by a newer image before the socket was free.
  std::uint64_t replaced = 0;
};

/// The stream's counters as the client sees them. An image that waits for the socket is still in
/// flight, one that was replaced is dropped_undelivered. No counter ever decreases.
LiveCounters as_seen_by_client(LiveCounters counters, const DeliveryCounts& delivery);

/// The counters as `stats` and /api/sessions show them.
nlohmann::json write_counters(const LiveCounters& counters);

}  // namespace streamdiffusion::server
