// Statistics of the inputs of matmuls and convolutions in real frames, for int8 calibration.
#pragma once

#include "backend/backend.h"

namespace streamdiffusion::backend::host {

/// Adds the values of `x`, which is f32 or bf16.
void add_values(ActivationStats& stats, const tensor::View& x);

}  // namespace streamdiffusion::backend::host
