// Images that IP-Adapters are to follow. Their encoder may take a minute, so it runs on a thread of
// its own: what needs no encoder is changed meanwhile, under the images of before.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

struct ImageReading {
  Engine engine;
  /// Whose images are read.
  SessionOptions options;
  /// The frame that is followed; null where change() asked for the images.
  std::shared_ptr<const Image> input;
  LiveClock::time_point begin = LiveClock::now();
  /// Ends it where other images are wanted.
  std::stop_source stop = {};
  bool begun = false, done = false;
  /// What Engine::prepare_image_prompts() returned, or threw.
  std::shared_ptr<const void> prepared = nullptr;
  std::optional<Error> problem = std::nullopt;
};

/// Whether the adapters follow the same images; their scales and layers may differ.
bool same_images(const SessionOptions& a, const SessionOptions& b);

/// Gives each adapter the images of `before`, and leaves it its scale and its layers.
void keep_images(SessionOptions& wanted, const SessionOptions& before);

}  // namespace streamdiffusion::live
