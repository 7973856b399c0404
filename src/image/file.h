// Atomic writing of files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace streamdiffusion::image {

/// Writes a temporary file in the same folder and renames it to `path`, so that the file appears
/// whole or not at all. Throws io naming the path.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace streamdiffusion::image
