// Ids (CLIP's simple_tokenizer.py): 256 bytes as characters, the same at the end of a word, one
// token a merge, and the two special tokens.
#include "tokenizer/clip_vocabulary.h"

#include <string_view>
#include <vector>

#include "json/json.h"

// The bytes of data/clip/merges.txt. CMake gives the path.
asm(R"(
.pushsection .rodata
clip_merges_begin:
.incbin ")" SD_CLIP_MERGES R"("
clip_merges_end:
.byte 0
.popsection
)");
extern const char kClipMergesBegin[] asm("clip_merges_begin");
extern const char kClipMergesEnd[] asm("clip_merges_end");

namespace streamdiffusion::tokenizer {
namespace {

/// A character below U+0800 in UTF-8.
std::string utf8(unsigned code) {
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0U | code >> 6U), static_cast<char>(0x80U | (code & 0x3FU))};
}

/// The characters that stand for bytes: themselves where they are printable, the others after 255.
std::vector<std::string> byte_characters() {
  std::vector<std::string> characters;
  const auto printable = [](unsigned byte) {
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
  };
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (printable(byte)) characters.push_back(utf8(byte));
  }
  for (unsigned other = 0; characters.size() < 256; ++other)
    characters.push_back(utf8(256 + other));
  return characters;
}

std::string vocabulary(std::string_view merges) {
  std::string text = "{";
  int id = 0;
  const auto add = [&](const std::string& token) {
    text += (id == 0 ? "" : ",") + json::json_string(token) + ":" + std::to_string(id);
    ++id;
  };
  const std::vector<std::string> characters = byte_characters();
  for (const std::string& character : characters) add(character);
  for (const std::string& character : characters) add(character + "</w>");
  merges.remove_prefix(merges.find('\n') + 1);  // the version
  while (!merges.empty()) {
    const std::string_view line = merges.substr(0, merges.find('\n'));
    merges.remove_prefix(line.size() + 1);
    const auto space = line.find(' ');
    add(std::string(line.substr(0, space)) + std::string(line.substr(space + 1)));
  }
  add("<|startoftext|>");
  add("<|endoftext|>");
  return text + "}";
}

}  // namespace

TokenizerTexts clip_tokenizer_texts(const std::string& pad) {
  const std::string_view merges(kClipMergesBegin,
                                static_cast<std::size_t>(kClipMergesEnd - kClipMergesBegin));
  return {.folder = "CLIP's vocabulary",
          .tokenizer = std::nullopt,
          .vocab = vocabulary(merges),
          .merges = std::string(merges),
          .config = R"({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77,)"
                    R"( "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>",)"
                    R"( "unk_token": "<|endoftext|>", "pad_token": )" +
                    json::json_string(pad) + "}",
          .special = std::nullopt,
          .added = std::nullopt};
}

}  // namespace streamdiffusion::tokenizer
