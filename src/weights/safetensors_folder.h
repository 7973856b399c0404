// Folders that hold .safetensors files and nothing that says what they are.
#pragma once

#include <filesystem>
#include <vector>

namespace streamdiffusion::weights {

/// The .safetensors files of a folder, sorted; none of what is no folder.
std::vector<std::filesystem::path> safetensors_in(const std::filesystem::path& folder);

/// The file to open for a path: of a folder without model_index.json and config.json, as a
/// repository of one file is, its only .safetensors file. Any other path is returned as it is.
/// Throws not_found for such a folder with several.
std::filesystem::path or_only_file_in(const std::filesystem::path& path);

}  // namespace streamdiffusion::weights
