// The engine of the C interface.
#pragma once

#include "streamdiffusion/c.h"
#include "streamdiffusion/engine.h"

struct streamdiffusion_engine {
  streamdiffusion::Engine engine;
};
