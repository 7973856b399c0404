// A ControlNet's folder that fits the tiny model of Stable Diffusion's family.
#pragma once

#include <string>

#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace streamdiffusion::testing {

/// Its config.json.
extern const char* const kTinyControlNet;

/// Writes the folder `name` into `folder`; its hash weights are multiplied by `gain`, so that two
/// nets differ. Returns its path.
std::string write_tiny_controlnet(const TinyModel& model, const TemporaryFolder& folder,
                                  const std::string& name, float gain);

}  // namespace streamdiffusion::testing
