// The ops of the last frame, one by one.
#pragma once

#include <string>
#include <vector>

#include "streamdiffusion/engine.h"

namespace streamdiffusion::app {

/// Writes what every thread did when, in Chrome's trace format (chrome://tracing, ui.perfetto.dev).
/// Throws io naming the file.
void write_trace(const std::string& path, const std::vector<OpInfo>& operations);

/// Prints the ten ops of a frame that took longest; `ceiling` in GFLOP/s.
void print_slowest(const std::vector<OpInfo>& operations, double ceiling);

}  // namespace streamdiffusion::app
