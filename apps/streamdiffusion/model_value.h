// What stands behind the flags --lora, --controlnet and --ip-adapter: a model, and words behind
// colons.
#pragma once

#include <string>

#include "streamdiffusion/options.h"

namespace streamdiffusion::app {

/// FILE[:SCALE]. A colon that no number follows belongs to the file's name.
Lora read_lora(const std::string& text);

/// MODEL[:SCALE][:PREPROCESSOR], the last two in any order. A colon that neither follows belongs to
/// the model's name. Throws invalid_argument for what looks like a misspelled preprocessor.
ControlNet read_controlnet(const std::string& text);

/// MODEL[:SCALE][:LAYERS], in the same way.
IpAdapter read_ip_adapter(const std::string& text);

}  // namespace streamdiffusion::app
