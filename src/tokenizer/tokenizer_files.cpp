// Collects the vocabulary, the merges, the special tokens and the maximum length, and checks them.
#include "tokenizer/tokenizer_files.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/input_file.h"
#include "json/quote.h"
#include "tokenizer/special_tokens.h"
#include "tokenizer/vocabulary_files.h"

namespace streamdiffusion::tokenizer {
namespace {

using base::ErrorCode;
using base::fail;
using base::require;
using json::Json;
using json::quote;
namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20U;
/// A larger model_max_length means "no limit".
constexpr std::int64_t kMaxSequence = 1'000'000;

std::optional<std::string> read_text(const fs::path& file) {
  if (!base::is_there(file)) return std::nullopt;
  const auto bytes = base::read_file(file, kMaxFileBytes);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string path_of(const TokenizerTexts& texts, const char* name) {
  return (fs::path(texts.folder) / name).string();
}

std::optional<Json> parsed(const TokenizerTexts& texts, const std::optional<std::string>& text,
                           const char* name) {
  if (!text) return std::nullopt;
  Json json = Json::parse(*text, path_of(texts, name));
  if (!json.is(Json::Kind::object)) json.refuse("an object");
  return json;
}

void read_model(const TokenizerTexts& texts, const TokenizerJson& files,
                TokenizerDescription& out) {
  if (files.tokenizer) {
    out.file = files.tokenizer->file();
    const Json model = files.tokenizer->at("model");
    check_model(model);
    out.vocabulary = parse_vocabulary(model.at("vocab"));
    out.merges = parse_merges_json(model.at("merges"));
    return;
  }
  require(files.vocab && texts.merges, ErrorCode::not_found, texts.folder,
          ": no tokenizer; expected tokenizer.json, or vocab.json and merges.txt");
  out.file = files.vocab->file();
  out.vocabulary = parse_vocabulary(*files.vocab);
  out.merges = parse_merges_text(*texts.merges, path_of(texts, "merges.txt"));
}

void check_config(const Json& config) {
  constexpr std::array<std::string_view, 4> clip{"CLIPTokenizer", "CLIPTokenizerFast",
                                                 "PreTrainedTokenizerFast", "TokenizersBackend"};
  const auto name = config.find("tokenizer_class");
  if (name && std::find(clip.begin(), clip.end(), name->string()) == clip.end()) {
    fail(ErrorCode::unsupported, name->where(), " is ", name->found(),
         ", expected \"CLIPTokenizer\"");
  }
  for (const char* side : {"truncation_side", "padding_side"}) {
    const auto value = config.find(side);
    if (value && value->string() != "right") {
      fail(ErrorCode::unsupported, value->where(), " is ", value->found(), ", expected \"right\"");
    }
  }
}

std::optional<int> max_length(const Json& config) {
  const auto value = config.find("model_max_length");
  if (!value) return std::nullopt;
  const double length = value->number();
  if (length > static_cast<double>(kMaxSequence)) return std::nullopt;
  return static_cast<int>(value->integer(3, kMaxSequence));
}

// Every id below `size` must belong to a token: ids index the text model's embedding table.
void check_dense(const TokenizerDescription& d) {
  std::vector<bool> used;
  const auto use = [&](std::int32_t id) {
    if (static_cast<std::size_t>(id) >= used.size()) used.resize(static_cast<std::size_t>(id) + 1);
    used[static_cast<std::size_t>(id)] = true;
  };
  for (const auto& [token, id] : d.vocabulary) use(id);
  for (const AddedToken& token : d.added) use(token.id);
  const auto gap = std::find(used.begin(), used.end(), false);
  require(gap == used.end(), ErrorCode::corrupt_file, d.file, ": no token has id ",
          gap - used.begin(), ", though ids go up to ", used.size() - 1);
}

}  // namespace

TokenizerTexts read_tokenizer_texts(const fs::path& folder) {
  std::error_code ignored;
  require(fs::is_directory(folder, ignored), ErrorCode::not_found, folder.string(),
          ": no such tokenizer folder");
  TokenizerTexts out;
  out.folder = folder.string();
  out.tokenizer = read_text(folder / "tokenizer.json");
  if (!out.tokenizer) {
    out.vocab = read_text(folder / "vocab.json");
    out.merges = read_text(folder / "merges.txt");
  }
  out.config = read_text(folder / "tokenizer_config.json");
  out.special = read_text(folder / "special_tokens_map.json");
  out.added = read_text(folder / "added_tokens.json");
  return out;
}

TokenizerDescription parse_tokenizer(const TokenizerTexts& texts) {
  TokenizerJson files;
  files.tokenizer = parsed(texts, texts.tokenizer, "tokenizer.json");
  if (!files.tokenizer) files.vocab = parsed(texts, texts.vocab, "vocab.json");
  files.config = parsed(texts, texts.config, "tokenizer_config.json");
  files.special = parsed(texts, texts.special, "special_tokens_map.json");
  files.added = parsed(texts, texts.added, "added_tokens.json");

  TokenizerDescription out;
  read_model(texts, files, out);
  if (files.config) {
    check_config(*files.config);
    out.model_max_length = max_length(*files.config);
  }
  SpecialTokens special = collect_special_tokens(files, out.vocabulary);
  const auto id_of = [&](const char* key) {
    const std::string& content = special.named.at(key);
    const auto at = std::find_if(special.added.begin(), special.added.end(),
                                 [&](const AddedToken& t) { return t.content == content; });
    return at->id;
  };
  out.bos = id_of("bos_token");
  out.eos = id_of("eos_token");
  out.pad = id_of("pad_token");
  out.unknown = special.named.at("unk_token");
  out.added = std::move(special.added);
  check_dense(out);
  out.size = static_cast<std::int32_t>(out.vocabulary.size());
  for (const AddedToken& token : out.added) out.size = std::max(out.size, token.id + 1);
  return out;
}

}  // namespace streamdiffusion::tokenizer
