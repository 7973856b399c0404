// The result of calibrating a model for int8, and the files that hold it.
#pragma once

#include <filesystem>
#include <optional>

#include "graph/quantize.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::session {

/// The input ranges of the ops that run in int8, by the op's name. All other ops keep the engine's
/// type.
struct CalibrationTable {
  graph::ActivationRanges unet, autoencoder;
};

/// Throws not_found, io or corrupt_file.
CalibrationTable read_calibration(const std::filesystem::path& file);
/// Writes the whole file or none, and creates missing folders. Throws io.
void write_calibration(const CalibrationTable& table, const std::filesystem::path& file);

/// The file of this model in the user's cache: under streamdiffusion in $XDG_CACHE_HOME or
/// ~/.cache. Its name is a hash of the paths, sizes and times of the model's files. Empty if the
/// user has neither a cache nor a home.
std::optional<std::filesystem::path> calibration_cache_file(const EngineOptions& options);

}  // namespace streamdiffusion::session
