// What a client is told of its stream: rates and ages over the last seconds, counts since its
// start.
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::server {

/// Pictures that were sent, over the last ten seconds.
class SentWindow {
 public:
  void add(double age_seconds, base::Clock::time_point now = base::Clock::now());
  /// Pictures a second over the last two seconds.
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

/// Pictures that the stream delivered but a newer one replaced before the socket was free.
struct Replaced {
  std::uint64_t processed = 0, skipped = 0;
};

/// The stream's counters with the replaced ones moved to dropped_undelivered; the sum stays.
LiveCounters corrected(LiveCounters counters, const Replaced& replaced);

/// The counters as `stats` and /api/sessions show them.
nlohmann::json write_counters(const LiveCounters& counters);

}  // namespace streamdiffusion::server
