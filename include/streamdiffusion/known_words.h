// The words that a model was taught, and which words of a prompt are not among them. A convention
// of the included model: a folder may hold them in concepts.json.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamdiffusion {

/// The words of a model's concepts.json; empty lists where it has none.
struct KnownWords {
  std::vector<std::string> concepts, styles, colors;

  bool empty() const { return concepts.empty() && styles.empty() && colors.empty(); }
};

/// Reads concepts.json in a model's folder; no words where there is no such file, or no folder
/// (""). Throws corrupt_file for a file that is not an object of lists of strings.
KnownWords read_known_words(const std::string& folder);

/// A word of a prompt that the model was not taught.
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
