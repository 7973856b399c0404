// `streamdiffusion bench --live`: how old images are when they are delivered, and whether the
// engine ever waits.
#pragma once

#include <string>

#include "flags.h"

namespace streamdiffusion::app {

struct LiveBench {
  double source_fps = 60;  ///< Frames the source gives a second.
  double seconds = 10;     ///< After one of warming up.
  double motion = 1;       ///< How fast the test pattern moves; 0: the same frame again and again.
  bool storm = false;      ///< A change of settings every second.
  std::string json;        ///< Also write the figures there, unless empty.
};

/// Runs a scripted client in this process under the policy `latest` and prints its figures.
void run_live_bench(const EngineFlags& engine, const SessionFlags& session, const LiveBench& bench);

}  // namespace streamdiffusion::app
