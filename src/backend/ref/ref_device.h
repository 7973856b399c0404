// The scalar reference device. Every op is a few plain lines that compute in double precision from
// f32 inputs to f32 outputs. It is the oracle of the other backends' tests, and runs wherever C++
// does.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace streamdiffusion::backend::ref {

/// One thread, whatever `options.threads` says.
std::unique_ptr<Device> make_device(const DeviceOptions& options);

}  // namespace streamdiffusion::backend::ref
