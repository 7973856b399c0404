// The vocabulary of the library against OpenCLIP's tokenizer (open_clip_torch 3.3.0).
#include "tokenizer/clip_vocabulary.h"

#include <gtest/gtest.h>

#include "tokenizer/tokenizer.h"

namespace streamdiffusion::tokenizer {
namespace {

TEST(ClipVocabulary, GivesTheIdsOfClip) {
  const Tokenizer tokenizer(clip_tokenizer_texts("<|endoftext|>"), 77);
  EXPECT_EQ(tokenizer.vocab_size(), 49408);
  EXPECT_EQ(tokenizer.bos_id(), 49406);
  EXPECT_EQ(tokenizer.pad_id(), 49407);
  const auto ids = [&](const char* prompt) {
    const Tokens tokens = tokenizer.encode(prompt);
    return std::vector<std::int32_t>(tokens.ids.begin() + 1, tokens.ids.begin() + tokens.used - 1);
  };
  using Ids = std::vector<std::int32_t>;
  EXPECT_EQ(ids("a photo of a cat"), (Ids{320, 1125, 539, 320, 2368}));
  EXPECT_EQ(ids("Jekyll & Hyde, 4k!!"), (Ids{49405, 261, 16343, 267, 275, 330, 748}));
  EXPECT_EQ(ids("naïve café 日本 🎈"), (Ids{1097, 35689, 563, 15304, 39121, 19277, 361, 14448}));
  EXPECT_EQ(ids("it's 2026"), (Ids{585, 568, 273, 271, 273, 277}));
  EXPECT_EQ(Tokenizer(clip_tokenizer_texts("!"), 77).pad_id(), 0);
}

}  // namespace
}  // namespace streamdiffusion::tokenizer
