// `streamdiffusion bench --flicker`: how much images change from frame to frame, beside how much
// their inputs do.
#pragma once

#include <string>

#include "params/table.h"

namespace streamdiffusion::app {

/// Draws `frames` of a still scene with a camera's noise, and of one that moves, and prints the
/// mean changes. Also writes them to `json`, unless empty.
void run_flicker_bench(params::Settings settings, int frames, const std::string& json);

}  // namespace streamdiffusion::app
