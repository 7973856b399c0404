// Files that appear whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace streamdiffusion::image {

/// Writes beside the path and renames. Throws io naming the path.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace streamdiffusion::image
