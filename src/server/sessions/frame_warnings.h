// What was wrong with a client's frames that were drawn all the same, such as one that ends early,
// and when the client is told. A stream of them is told of once a second at most.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"

namespace streamdiffusion::server {

class FrameWarnings {
 public:
  /// Of a frame that was decoded; empty for a sound one. Thread-safe.
  void note(std::vector<std::string> warnings, base::Clock::time_point now = base::Clock::now());
  /// Takes over what there is to tell, and returns whether it is something else than the last time.
  /// What was told stands until sound frames alone came for a second.
  bool news(base::Clock::time_point now = base::Clock::now());
  /// What the client was told last. On the thread that calls news().
  const std::vector<std::string>& told() const { return told_; }

 private:
  std::mutex mutex_;
  /// Of the last frame that had any.
  std::vector<std::string> found_;
  bool newest_is_sound_ = true;
  base::Clock::time_point found_at_{};

  std::vector<std::string> told_;
  base::Clock::time_point told_at_{};
};

}  // namespace streamdiffusion::server
