// Which files this process has open.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace streamdiffusion::app {

/// The regular files that this process has open, by descriptor. Lists and filter graphs may name
/// inputs that the command line does not.
std::map<std::string, std::filesystem::path> open_files();

}  // namespace streamdiffusion::app
