// The files that an engine is opened from, which no output may replace.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "streamdiffusion/options.h"

namespace streamdiffusion::app {

/// The folder of the model that comes with the program; empty if there is none.
std::string included_model();

/// Those that exist: of the model (the included one if none is named), its components, LoRAs,
/// ControlNets, IP-Adapters and their images, and the calibration. Of a folder all files, down to
/// those of its folders. A name on the hub is no file.
std::vector<std::filesystem::path> engine_files(const EngineOptions& options);

}  // namespace streamdiffusion::app
