// The runtime interface on CUDA's runtime library.
#pragma once

#include "backend/cuda/runtime.h"

namespace streamdiffusion::backend::cuda {

/// The first card. Throws internal if CUDA refuses it.
std::unique_ptr<Runtime> make_runtime();

}  // namespace streamdiffusion::backend::cuda
