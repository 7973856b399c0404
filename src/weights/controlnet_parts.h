// Whether a file holds a whole ControlNet that reads one image: the widths of a part of one say
// little to a person.
#pragma once

#include <string>
#include <vector>

#include "weights/ldm_keys.h"

namespace streamdiffusion::weights {

/// `convolutions` of the embedding, in order, as far as they are there. Throws unsupported for one
/// that takes more than an image, and corrupt_file where some are missing.
void require_whole_embedding(const LdmKeys& keys, const std::vector<std::string>& convolutions);

/// Of a net in the original code's names. Throws corrupt_file for a part of one, naming the first
/// tensor that is missing, and as require_whole_embedding().
void require_whole_ldm_controlnet(const LdmKeys& keys);

}  // namespace streamdiffusion::weights
