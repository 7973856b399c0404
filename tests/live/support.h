// A tiny engine, frames that differ, and a receiver that remembers what it got.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "streamdiffusion/live.h"

namespace streamdiffusion::testing {

/// The engine that all tests share, so that its executables stay compiled.
Engine& engine();
/// An engine of its own on the tiny model.
Engine open_engine(int max_live_sessions = 0);

/// 32x24, two steps.
LiveSettings small();

Image numbered_image(int number, int width = 32, int height = 24);
LiveFrame numbered_frame(int number);

/// What a session of two steps draws of numbered_image(3) under the prompts of small(), once every
/// frame before it was that image too.
Image settled_image(Session session);

/// Mean absolute deviation from the mean color: about 0 for a flat image.
double contrast(const Image& image);

class Receiver {
 public:
  LiveCallbacks callbacks();
  /// Until so many images have come; otherwise fails the test and returns false.
  bool wait_for(std::size_t count);
  std::vector<LiveOutput> outputs() const;
  std::vector<std::string> errors() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<LiveOutput> outputs_;
  std::vector<std::string> errors_;
};

/// captured = processed + skipped + dropped + failed.
void expect_balanced(const LiveCounters& counters);

}  // namespace streamdiffusion::testing
