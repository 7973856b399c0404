// What the CLIP tokenizer needs of Unicode, as transformers 5 does it (NFC, lower case per code
// point, the classes of its split expression). Code points that are newer than the ICU in use count
// as neither letter, number nor space.
#pragma once

#include <string>
#include <string_view>

namespace streamdiffusion::tokenizer {

/// Decodes UTF-8. Throws invalid_argument naming `what` and the byte where it is malformed.
std::u32string decode_utf8(std::string_view utf8, std::string_view what);
void append_utf8(std::string& out, char32_t code);
std::string encode_utf8(std::u32string_view text);

/// NFC, runs of white space to one space, lower case. Time is O(n log n) whatever the text is.
std::u32string normalize(std::u32string_view text);

/// \s
bool is_space(char32_t code);
/// \p{L}
bool is_letter(char32_t code);
/// \p{N}
bool is_number(char32_t code);
/// \w: what may not stand beside a "single word" token
bool is_word(char32_t code);

}  // namespace streamdiffusion::tokenizer
