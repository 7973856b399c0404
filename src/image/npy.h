// Arrays of f32 as .npy files, for anyone who compares with another implementation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace streamdiffusion::image {

/// Writes `values` (row major, little endian) of this shape. The file appears whole or not at all.
/// Throws io.
void write_npy(const std::filesystem::path& path, std::span<const std::int64_t> shape,
               std::span<const float> values);

}  // namespace streamdiffusion::image
