// Which products of a model are made in 8 bits, and where that is kept.
#pragma once

#include <filesystem>
#include <optional>

#include "graph/quantize.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::session {

/// By the op's name, the range of its input; ops that are not named keep the engine's type.
struct Quantization {
  graph::ActivationRanges unet, autoencoder;
};

/// Throws not_found, io or corrupt_file.
Quantization read_quantization(const std::filesystem::path& file);
/// Whole or not at all, folders made where missing. Throws io.
void write_quantization(const Quantization& quantization, const std::filesystem::path& file);

/// The file for this model in the user's cache ($XDG_CACHE_HOME or ~/.cache, under
/// streamdiffusion), named after the model's files, their sizes and times; nothing without a home.
std::optional<std::filesystem::path> cached_quantization(const EngineOptions& options);

}  // namespace streamdiffusion::session
