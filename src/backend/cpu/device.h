// The processor as a device. oneDNN runs matmuls and convolutions, Highway all other ops; both run
// on the engine's own threads.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"

namespace streamdiffusion::backend::cpu {

/// Throws invalid_argument for an unknown instruction set, unsupported below AVX2.
std::unique_ptr<Device> make_device(const DeviceOptions& options);

/// "oneDNN 2.6.0", as it is loaded.
std::string library_version();

}  // namespace streamdiffusion::backend::cpu
