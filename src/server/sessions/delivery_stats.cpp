#include "server/sessions/delivery_stats.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/percentile.h"

namespace streamdiffusion::server {
namespace {

using namespace std::chrono_literals;
constexpr auto kWindow = 10s;
constexpr auto kRateWindow = 2s;
constexpr std::size_t kMaxSamples = 4096;

double rounded(double value) {
  return std::round(value * 100) / 100;
}

}  // namespace

void DeliveryWindow::add(double age_seconds, base::Clock::time_point now) {
  sent_.push_back({now, age_seconds});
  while (sent_.size() > kMaxSamples || sent_.front().at < now - kWindow) sent_.pop_front();
}

double DeliveryWindow::fps(base::Clock::time_point now) const {
  const auto recent = std::count_if(
      sent_.begin(), sent_.end(), [now](const Sent& sent) { return sent.at > now - kRateWindow; });
  return rounded(static_cast<double>(recent) / std::chrono::duration<double>(kRateWindow).count());
}

nlohmann::json DeliveryWindow::ages(base::Clock::time_point now) const {
  std::vector<double> values;
  for (const Sent& sent : sent_) {
    if (sent.at >= now - kWindow) values.push_back(sent.age * 1e3);
  }
  return {{"p50", rounded(base::percentile(values, 0.50))},
          {"p95", rounded(base::percentile(values, 0.95))},
          {"p99", rounded(base::percentile(values, 0.99))}};
}

LiveCounters as_seen_by_client(LiveCounters counters, const DeliveryCounts& delivery) {
  counters.processed = delivery.processed;
  counters.skipped = delivery.skipped;
  counters.dropped_undelivered += delivery.replaced;
  return counters;
}

nlohmann::json write_counters(const LiveCounters& counters) {
  return {{"captured", counters.captured},
          {"processed", counters.processed},
          {"skipped", counters.skipped},
          {"dropped",
           {{"waiting", counters.dropped_waiting},
            {"prepared", counters.dropped_prepared},
            {"undelivered", counters.dropped_undelivered},
            {"paused", counters.dropped_paused},
            {"stopped", counters.dropped_stopped}}},
          {"failed", counters.failed},
          {"in_flight", counters.in_flight()}};
}

}  // namespace streamdiffusion::server
