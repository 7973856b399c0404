// Files that are no model of Stable Diffusion 1, 2 or SDXL, told by their keys.
#pragma once

#include "weights/safetensors.h"

namespace streamdiffusion::weights {

/// Whether any key is one of a LoRA.
bool is_lora(const SafetensorsFile& file);

/// Throws unsupported for a LoRA, a ControlNet, another family, or weights in a form that is not
/// read; the message names what it is and the tensor that tells it.
void refuse_unsupported_models(const SafetensorsFile& file);

}  // namespace streamdiffusion::weights
