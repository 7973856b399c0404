// The input frame as the image that IP-Adapters follow.
#pragma once

#include <memory>

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

/// Whether an IP-Adapter that is on follows the input.
bool follows_input(const SessionOptions& options);

/// The settings with this frame as the image of each that does; null leaves them as they are.
LiveSettings with_input(LiveSettings settings, const std::shared_ptr<const Image>& frame);

}  // namespace streamdiffusion::live
