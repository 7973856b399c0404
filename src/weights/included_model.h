// Where the model lies that comes with the program and the library.
#pragma once

#include <filesystem>
#include <string>

namespace streamdiffusion::weights {

/// The included model's folder, seen from the folder of a program, library or plugin: where both
/// were installed, or in the tree that they were built in. Empty if it is in neither.
std::string included_model(const std::filesystem::path& here);

}  // namespace streamdiffusion::weights
