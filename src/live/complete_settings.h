// The settings of a stream with everything filled in that its user left open.
#pragma once

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

/// With every default of the model, and the seed drawn if one is to be. Throws invalid_argument for
/// settings that no session could have.
LiveSettings complete(const Engine& engine, LiveSettings settings);

}  // namespace streamdiffusion::live
