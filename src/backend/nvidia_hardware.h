// Whether a machine has an NVIDIA card, whatever software is installed.
#pragma once

#include <filesystem>

namespace streamdiffusion::backend {

/// Looks for a display controller of NVIDIA's on the PCI bus, and for the driver's device file.
/// `root`: of the file system.
bool has_nvidia_hardware(const std::filesystem::path& root = "/");

}  // namespace streamdiffusion::backend
