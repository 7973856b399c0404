// Writes f32 arrays as NumPy .npy files, to compare results with other implementations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace streamdiffusion::image {

/// Writes `values`, row major, as an array of this shape (NPY format 1.0, '<f4'). The file appears
/// whole or not at all. Throws io; internal if `values` does not fill the shape.
void write_npy(const std::filesystem::path& path, std::span<const std::int64_t> shape,
               std::span<const float> values);

}  // namespace streamdiffusion::image
