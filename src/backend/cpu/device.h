// The processor as a device. oneDNN runs matmuls and convolutions, Highway all other ops; both run
// on the engine's own threads.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace streamdiffusion::backend::cpu {

/// Throws invalid_argument for an unknown instruction set, unsupported below AVX2.
std::unique_ptr<Device> make_device(const DeviceOptions& options);

}  // namespace streamdiffusion::backend::cpu
