// The device that "auto" stands for.
#pragma once

#include <string>

#include "streamdiffusion/options.h"

namespace streamdiffusion::session {

/// The device's name: what the options say, or for "auto" the card if it can be used and computes
/// in the wanted type, else the CPU. Where a card is there and cannot be used, it logs a notice
/// that says what is missing and how to get it.
std::string choose_device(const EngineOptions& options);

}  // namespace streamdiffusion::session
