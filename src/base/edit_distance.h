// Edit distance between two words, to suggest the word that was probably meant.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace streamdiffusion::base {

/// Damerau-Levenshtein distance (optimal string alignment): the smallest number of insertions,
/// deletions, substitutions and swaps of two adjacent bytes that turn `a` into `b`.
int edit_distance(std::string_view a, std::string_view b);

/// The one of `known` that was probably meant by a word of any length; empty if none is near.
template <typename Words>
std::string nearest_word(std::string_view word, const Words& known) {
  constexpr std::size_t kLongest = 60;
  const std::string_view begin = word.substr(0, kLongest);
  std::string nearest;
  int least = std::max(2, static_cast<int>(begin.size()) / 3) + 1;
  for (const std::string_view candidate : known) {
    if (const int distance = edit_distance(begin, candidate); distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace streamdiffusion::base
