// A TAESD in files without a config.json: one file with diffusers' names, which may be a whole
// model's, or the publisher's two, taesd_encoder and taesd_decoder.
#pragma once

#include <filesystem>
#include <optional>

#include "weights/ldm_components.h"

namespace streamdiffusion::weights {

/// A TAESD with diffusers' names, alone or as the autoencoder of a whole model (SDXS). Empty if
/// there is none. Throws corrupt_file for layers that are none of a TAESD.
std::optional<LdmComponent> tiny_autoencoder_inside(const SharedFile& file);

/// Empty if the file holds no TAESD. Of two files either is given, and the other must be beside it:
/// not_found otherwise. Throws corrupt_file for layers that are none of a TAESD.
std::optional<FileComponent> tiny_autoencoder_file(const SharedFile& file);

}  // namespace streamdiffusion::weights
