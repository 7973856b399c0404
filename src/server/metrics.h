// The metrics of /metrics, in the Prometheus text format. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "streamdiffusion/engine.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::server {

/// How long one image spent in each stage, in seconds.
struct StageTimes {
  /// Waiting for the prepare thread and for the engine.
  double queue = 0;
  /// Decoding and resizing.
  double prepare = 0;
  /// From the start of its first engine call to the end of its last.
  double engine = 0;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void image(const StageTimes& times, bool reused);
  /// `deliver_seconds` is the time from the end of the engine's work until the image was sent,
  /// `age_seconds` the time from capture until then.
  void delivered(double deliver_seconds, double age_seconds);
  /// Adds the difference of two readings of a stream's counters.
  void frames(const LiveCounters& before, const LiveCounters& now);
  /// Adds what became of the UNet's calls.
  void shared_calls(const SharedCalls& more);
  void sessions(int active, int waiting);
  /// The share of the device that all streams take at Limits::min_fps.
  void device_load(double share);
  void session_opened();
  void request(const std::string& route, int status);
  void error(const std::string& code);
  /// Images per second, summed over all sessions.
  void fps(double value);

  std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamdiffusion::server
