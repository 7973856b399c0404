// How far one word is from another, for suggestions.
#pragma once

#include <string_view>

namespace streamdiffusion::base {

/// Fewest insertions, deletions, replacements and swaps of neighbors that turn one word into the
/// other.
int edit_distance(std::string_view a, std::string_view b);

}  // namespace streamdiffusion::base
