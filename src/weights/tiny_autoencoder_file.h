// A TAESD in files without a config.json: one file with diffusers' names, or the publisher's two,
// taesd_encoder and taesd_decoder.
#pragma once

#include <filesystem>
#include <optional>

#include "weights/ldm_components.h"

namespace streamdiffusion::weights {

/// Empty if the file holds no TAESD. Of two files either is given, and the other must be beside it:
/// not_found otherwise. Throws corrupt_file for layers that are none of a TAESD.
std::optional<FileComponent> tiny_autoencoder_file(const SharedFile& file);

}  // namespace streamdiffusion::weights
