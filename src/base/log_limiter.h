// Bounds a log: clients of a server must not be able to fill a disk with warnings.
#pragma once

#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/log.h"

namespace streamdiffusion::base {

/// Passes on at most kBurst messages of one kind in kWindow, and then says how many it left out.
/// Messages that differ only in numbers and quoted parts are of one kind. Not thread-safe: the
/// log's mutex guards it.
class LogLimiter {
 public:
  static constexpr int kBurst = 10;
  static constexpr std::chrono::seconds kWindow{60};
  /// Further kinds count as one.
  static constexpr std::size_t kMaxKinds = 256;

  explicit LogLimiter(LogCallback next) : next_(std::move(next)) {}

  void log(LogLevel level, std::string_view message, Clock::time_point now = Clock::now());

 private:
  struct Kind {
    LogLevel level;
    std::string example;
    Clock::time_point start;
    int passed = 0;
    long suppressed = 0;
  };

  /// Reports and forgets the kinds whose window is over.
  void close_windows(Clock::time_point now);

  LogCallback next_;
  std::unordered_map<std::string, Kind> kinds_;
  Clock::time_point next_close_{};
};

}  // namespace streamdiffusion::base
