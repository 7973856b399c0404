// The ops of the last frame, one by one.
#pragma once

#include <string>
#include <vector>

#include "streamdiffusion/engine.h"

namespace streamdiffusion::app {

/// Writes what every thread did when, in Chrome's trace format (chrome://tracing, ui.perfetto.dev).
/// Throws io naming the file.
void write_trace(const std::string& path, const std::vector<OpInfo>& ops);

/// Prints the ten ops of a frame that took longest; `peak` in GFLOP/s.
void print_slowest(const std::vector<OpInfo>& ops, double peak);

}  // namespace streamdiffusion::app
