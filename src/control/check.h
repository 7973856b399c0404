// What options of a control image may be.
#pragma once

#include "streamdiffusion/control.h"

namespace streamdiffusion::control {

/// Throws invalid_argument naming the first option that is out of its range.
void check(const ControlImageOptions& options);

}  // namespace streamdiffusion::control
