// Cuts normalized text into the pieces that are byte-pair encoded one by one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamdiffusion::tokenizer {

/// The pieces, as UTF-8, that transformers' two expressions leave: CLIP's
///   <|startoftext|> | <|endoftext|> | 's | 't | 're | 've | 'm | 'll | 'd | \p{L}+ | \p{N} |
///   [^\s\p{L}\p{N}]+
/// and then GPT-2's, which cuts only the two spelled-out tokens again ("<|", "endoftext", "|>").
std::vector<std::string> split_words(std::u32string_view normalized);

}  // namespace streamdiffusion::tokenizer
