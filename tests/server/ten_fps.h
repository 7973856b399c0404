// Options of a server that promises ten images a second to each stream (--min-fps).
#pragma once

#include "server/options.h"

namespace streamdiffusion::testing {

inline server::ServerOptions ten_fps() {
  server::ServerOptions options;
  options.limits.min_fps = 10;
  options.limits.sessions = 16;
  options.limits.requests_per_second = 10000;
  return options;
}

}  // namespace streamdiffusion::testing
