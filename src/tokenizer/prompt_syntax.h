// Emphasis inside a prompt, in the notation that the well-known web interfaces share:
//   (text)      weight 1.1         ((text))  1.1 * 1.1
//   [text]      weight 1 / 1.1     (text:1.3)  weight 1.3
//   \( \) \[ \] the characters themselves
// A bracket without its partner is text, and so is everything else. Only notations that other
// programs give a meaning and this one does not are warned about.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamdiffusion::tokenizer {

/// A piece of a prompt and the weight of its tokens.
struct PromptPart {
  std::string text;
  float weight = 1;
};

struct ParsedPrompt {
  /// At least one. Neighbors differ in weight.
  std::vector<PromptPart> parts;
  std::vector<std::string> warnings;
};

/// Weights stay within -10 and 10; one beyond that is brought there, with a warning. Takes time in
/// proportion to the prompt's length.
ParsedPrompt parse_prompt(std::string_view prompt);

}  // namespace streamdiffusion::tokenizer
