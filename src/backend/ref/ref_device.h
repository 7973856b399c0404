// The scalar reference: every op in a few plain lines, in double precision between f32 inputs and
// f32 outputs. It is the oracle of the other backends' tests and runs wherever C++ does.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace streamdiffusion::backend::ref {

/// One thread, whatever `options.threads` says.
std::unique_ptr<Device> make_device(const DeviceOptions& options);

}  // namespace streamdiffusion::backend::ref
