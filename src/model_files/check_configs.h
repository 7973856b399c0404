// Whether a model can be used at all, before its weights are downloaded.
#pragma once

#include <filesystem>

namespace streamdiffusion::model_files {

/// Throws not_found, unsupported or corrupt_file if a pipeline, or a single component with a
/// config.json, cannot be used by what is there beside its weights. It is read by the code that
/// opens a model. Other folders pass.
void check_configs(const std::filesystem::path& folder);

}  // namespace streamdiffusion::model_files
