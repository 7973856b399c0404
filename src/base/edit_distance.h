// Edit distance between two words, to suggest the word that was probably meant.
#pragma once

#include <string_view>

namespace streamdiffusion::base {

/// Damerau-Levenshtein distance (optimal string alignment): the smallest number of insertions,
/// deletions, substitutions and swaps of two adjacent bytes that turn `a` into `b`.
int edit_distance(std::string_view a, std::string_view b);

}  // namespace streamdiffusion::base
