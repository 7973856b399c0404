// The Unicode operations of the CLIP tokenizer, as in transformers 5: NFC, lower case per code
// point, and the character classes of its split pattern. Code points that the installed ICU does
// not know are neither letter, number nor space.
#pragma once

#include <string>
#include <string_view>

namespace streamdiffusion::tokenizer {

/// Decodes UTF-8. Throws invalid_argument naming `what` and the offset of a malformed byte.
std::u32string decode_utf8(std::string_view utf8, std::string_view what);
/// Appends one code point as UTF-8.
void append_utf8(std::string& out, char32_t code);
std::string encode_utf8(std::u32string_view text);

/// CLIP's normalizer: NFC, runs of white space to one space, lower case. O(n log n) for any text.
std::u32string normalize(std::u32string_view text);

/// \s
bool is_space(char32_t code);
/// \p{L}
bool is_letter(char32_t code);
/// \p{N}
bool is_number(char32_t code);
/// \w: a character that may not be next to a "single_word" token.
bool is_word(char32_t code);

}  // namespace streamdiffusion::tokenizer
