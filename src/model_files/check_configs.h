// Whether a model can be used at all, before its weights are downloaded.
#pragma once

#include <filesystem>

namespace streamdiffusion::model_files {

/// Throws unsupported or corrupt_file if the configurations of a pipeline, without its weights, say
/// that it cannot be used. Other folders pass.
void check_configs(const std::filesystem::path& folder);

}  // namespace streamdiffusion::model_files
