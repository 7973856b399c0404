// CLIP's own vocabulary, for models that come without a tokenizer: the merges of openai/CLIP
// (data/clip), from which the tokens and their ids follow. It is part of the library.
#pragma once

#include <string>

#include "tokenizer/tokenizer_files.h"

namespace streamdiffusion::tokenizer {

/// What a tokenizer folder of Stable Diffusion holds. `pad` is the token that rows are filled up
/// with: "<|endoftext|>" (Stable Diffusion 1, SDXL's first encoder) or "!" (Stable Diffusion 2,
/// SDXL's second).
TokenizerTexts clip_tokenizer_texts(const std::string& pad);

}  // namespace streamdiffusion::tokenizer
