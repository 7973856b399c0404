// The names that one tensor has in files of different diffusers and transformers versions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamdiffusion::weights {

/// Other names that a file may use for the tensor `name`, most likely first. CLIPTextModel's
/// tensors have a leading "text_model." or (transformers >= 5) none. AutoencoderKL's attention was
/// called query/key/value/proj_attn before it became to_q/to_k/to_v/to_out.0.
std::vector<std::string> alternative_names(std::string_view name);

/// True if `name` matches `pattern`, in which "*" may stand for any text at the start, at the end
/// or at both.
bool matches(std::string_view name, std::string_view pattern);

}  // namespace streamdiffusion::weights
