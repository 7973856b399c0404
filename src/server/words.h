// The words a model was taught, and what to say of a prompt's words that are not among them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamdiffusion::server {

/// Of a model's concepts.json; empty lists where it has none.
struct Vocabulary {
  std::vector<std::string> concepts, styles, colours;

  bool empty() const { return concepts.empty() && styles.empty() && colours.empty(); }
  /// Reads `folder`/concepts.json; nothing where there is no such file. Throws corrupt_file for one
  /// that is not an object of lists of strings.
  static Vocabulary read(const std::string& folder);
};

struct WordWarning {
  std::string message, word;
  std::vector<std::string> near;  ///< At most three words that are known, the nearest first.
};

/// One for each word of the prompt that no concept, style or colour contains; common small words,
/// numbers and plurals of known words pass. None for an empty vocabulary; at most 16.
std::vector<WordWarning> check_words(const Vocabulary& vocabulary, std::string_view prompt);

}  // namespace streamdiffusion::server
