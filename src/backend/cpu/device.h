// The processor as a device: oneDNN for matmuls and convolutions, Highway for all other ops, and
// threads of our own for both.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace streamdiffusion::backend::cpu {

/// Throws invalid_argument for an instruction set it does not know, unsupported below AVX2.
std::unique_ptr<Device> make_device(const DeviceOptions& options);

}  // namespace streamdiffusion::backend::cpu
