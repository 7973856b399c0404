// The pre-tokenizer: cuts normalized text into the words that are byte-pair encoded one by one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamdiffusion::tokenizer {

/// The words, as UTF-8, that transformers' two split patterns give: CLIP's
///   <|startoftext|> | <|endoftext|> | 's | 't | 're | 've | 'm | 'll | 'd | \p{L}+ | \p{N} |
///   [^\s\p{L}\p{N}]+
/// and then GPT-2's, which splits only the two special tokens again ("<|", "endoftext", "|>").
std::vector<std::string> pre_tokenize(std::u32string_view normalized);

}  // namespace streamdiffusion::tokenizer
