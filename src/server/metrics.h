// What /metrics tells, in Prometheus' text format. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "streamdiffusion/live.h"

namespace streamdiffusion::server {

/// Where one image's time went, in seconds.
struct StageTimes {
  /// Waiting: for the prepare thread, and for the engine.
  double queue = 0;
  /// Decoding and fitting.
  double prepare = 0;
  /// Its first call of the engine began to its last ended.
  double engine = 0;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void image(const StageTimes& times, bool reused);
  /// From the end of the engine's work until the image had left, and from capture until then.
  void delivered(double deliver_seconds, double age_seconds);
  /// What has been added to a stream's counters.
  void frames(const LiveCounters& before, const LiveCounters& now);
  void sessions(int active, int waiting);
  void session_opened();
  void request(const std::string& route, int status);
  void error(const std::string& code);
  /// Images a second, over all sessions.
  void fps(double value);

  std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamdiffusion::server
