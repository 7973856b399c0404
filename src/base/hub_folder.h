// Folder names in the cache of the Hugging Face hub.
#pragma once

#include <string>
#include <string_view>

namespace streamdiffusion::base {

/// The folder of a repository: "stabilityai/sd-turbo" to "models--stabilityai--sd-turbo".
std::string hub_folder(std::string_view repository);

/// Back from a folder's name; empty for a folder that is no repository of a model.
std::string hub_repository(std::string_view folder);

}  // namespace streamdiffusion::base
