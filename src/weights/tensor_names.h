// Spellings of one tensor's name in files of different ages. Graphs ask by today's name; files keep
// theirs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamdiffusion::weights {

/// Other names that a file may use for the tensor `name`, most likely first:
/// CLIPTextModel with and without the leading "text_model." (transformers >= 5 writes none), and
/// AutoencoderKL's attention as query/key/value/proj_attn for to_q/to_k/to_v/to_out.0.
std::vector<std::string> other_spellings(std::string_view name);

/// True when `name` matches `pattern`, where "*" at the start, at the end or at both stands for
/// anything.
bool matches(std::string_view name, std::string_view pattern);

}  // namespace streamdiffusion::weights
