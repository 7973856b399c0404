// Outputs of the C interface.
#pragma once

#include <atomic>
#include <optional>

#include "streamdiffusion/c.h"
#include "streamdiffusion/engine.h"
#include "streamdiffusion/live.h"

struct streamdiffusion_output {
  streamdiffusion::LiveOutput output;
  /// Of a frame that failed; there is no image then.
  std::optional<streamdiffusion::Error> failure;
  /// Of the session that it came from; gone when that is freed, so that an image that somebody
  /// keeps does not keep the model.
  std::weak_ptr<streamdiffusion::Engine> engine;
  std::atomic<int> references{1};
};

namespace streamdiffusion::c_api {

/// Holds one reference.
struct Release {
  void operator()(streamdiffusion_output* output) const { streamdiffusion_output_release(output); }
};
using OutputPointer = std::unique_ptr<streamdiffusion_output, Release>;

OutputPointer make_output(LiveOutput output, const std::shared_ptr<Engine>& engine,
                          std::optional<Error> failure = {});

}  // namespace streamdiffusion::c_api
