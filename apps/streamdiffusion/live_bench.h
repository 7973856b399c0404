// `streamdiffusion bench --live`: how old images are when they are delivered, and whether the
// engine ever waits.
#pragma once

#include <string>

#include "params/table.h"

namespace streamdiffusion::app {

struct LiveBench {
  /// Frames the source gives a second.
  double source_fps = 60;
  /// Clients at once, 1 or more, each with a session of its own. Their frames come at even
  /// distances.
  int sessions = 1;
  /// After one of warming up.
  double seconds = 10;
  /// How fast the test pattern moves; 0: the same frame again and again.
  double motion = 1;
  /// A change of settings every second.
  bool storm = false;
  /// Also write the figures there, unless empty.
  std::string json;
};

/// Runs scripted clients in this process under the policy `latest` and prints their figures.
void run_live_bench(params::Settings settings, const LiveBench& bench);

}  // namespace streamdiffusion::app
