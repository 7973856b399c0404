// The cuda device on a card of this machine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "backend/backend.h"

namespace streamdiffusion::backend::cuda {

/// Why no card can be used: no driver, an older driver than the runtime needs, a card before
/// Ampere, or a library that is missing, with what would help. Empty if one can.
std::optional<std::string> why_no_card();

/// Throws not_found with the reason of why_no_card().
std::unique_ptr<Device> make_device(const DeviceOptions& options);

}  // namespace streamdiffusion::backend::cuda
