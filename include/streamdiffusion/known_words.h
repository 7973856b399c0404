// The words a model was taught, and what to say of a prompt's words that are not among them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamdiffusion {

/// Of a model's concepts.json; empty lists where it has none.
struct KnownWords {
  std::vector<std::string> concepts, styles, colors;

  bool empty() const { return concepts.empty() && styles.empty() && colors.empty(); }
};

struct UnknownWord {
  std::string word;
  /// At most three words that are known, the nearest first.
  std::vector<std::string> near;
  /// For a person: the word and those near it.
  std::string message;
};

/// One for each word of the prompt that no concept, style or color contains; common small words,
/// numbers and plurals of known words pass. None where no words are known; at most 16.
std::vector<UnknownWord> unknown_words(const KnownWords& known_words, std::string_view prompt);

}  // namespace streamdiffusion
