// Outputs of the C interface.
#pragma once

#include <atomic>
#include <optional>

#include "streamdiffusion/c.h"
#include "streamdiffusion/live.h"

struct streamdiffusion_output {
  streamdiffusion::LiveOutput output;
  /// Of a frame that failed; there is no image then.
  std::optional<streamdiffusion::Error> failure;
  std::atomic<int> references{1};
};

namespace streamdiffusion::c_api {

/// Holds one reference.
struct Release {
  void operator()(streamdiffusion_output* output) const { streamdiffusion_output_release(output); }
};
using OutputPointer = std::unique_ptr<streamdiffusion_output, Release>;

OutputPointer make_output(LiveOutput output, std::optional<Error> failure = {});

}  // namespace streamdiffusion::c_api
