// What the inputs of products are like in real frames: what an 8-bit form is made from.
#pragma once

#include "backend/backend.h"

namespace streamdiffusion::backend {

/// Adds the values of x, f32 or bf16.
void observe(const tensor::View& x, Observation& seen);

}  // namespace streamdiffusion::backend
