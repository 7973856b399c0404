// Names of models, and folder names in the cache of the Hugging Face hub.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace streamdiffusion::base {

/// The folder of a repository: "stabilityai/sd-turbo" to "models--stabilityai--sd-turbo".
std::string hub_folder(std::string_view repository);

/// Back from a folder's name; empty for a folder that is no repository of a model.
std::string hub_repository(std::string_view folder);

/// What people call the model in a folder or file: the repository that it lies in where that is in
/// the cache, else the last part of the path. A file keeps its own name, without .safetensors.
std::string model_name(const std::filesystem::path& path);

}  // namespace streamdiffusion::base
