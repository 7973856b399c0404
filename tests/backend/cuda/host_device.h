// A device that runs the CUDA kernels on the processor, and what the libraries would compute by the
// reference.
#pragma once

#include "backend/backend.h"

namespace streamdiffusion::backend::test {

std::unique_ptr<Device> make_cuda_on_host();

}  // namespace streamdiffusion::backend::test
