#include "tokenizer/special_tokens.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "json/quote.h"

namespace streamdiffusion::tokenizer {
namespace {

using base::ErrorCode;
using base::fail;
using json::Json;
using json::quote;

constexpr std::size_t max_added = 4096;
constexpr std::size_t longest_token = 1024;  // bytes

// A token as it is declared; `id` stays -1 where none is given.
AddedToken declared(const Json& value, bool is_special) {
  AddedToken out;
  if (value.is(Json::Kind::string)) {
    out.content = value.string();
    out.normalized = !is_special;
  } else {
    if (!value.is(Json::Kind::object)) value.refuse("a string or a token object");
    out.content = value.at("content").string();
    out.normalized = value.boolean_or("normalized", !value.boolean_or("special", is_special));
    out.single_word = value.boolean_or("single_word", false);
  }
  if (out.content.empty() || out.content.size() > longest_token) {
    value.refuse(base::concat("a token of 1 to ", longest_token, " bytes"));
  }
  return out;
}

// The named tokens of transformers in its order, with CLIPTokenizer's defaults.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> defaults{
    {{"bos_token", "<|startoftext|>"},
     {"eos_token", "<|endoftext|>"},
     {"unk_token", "<|endoftext|>"},
     {"sep_token", ""},
     {"pad_token", "<|endoftext|>"},
     {"cls_token", ""},
     {"mask_token", ""}}};

class Collector {
 public:
  explicit Collector(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  // Members that end in "_token" and hold a token.
  void read_named(const Json& object) {
    if (!object.is(Json::Kind::object)) object.refuse("an object");
    for (std::size_t i = 0; i < object.size(); ++i) {
      const auto [key, value] = object.member(i);
      const bool token = value.is(Json::Kind::string) || value.is(Json::Kind::object);
      if (key.ends_with("_token") && token) named_[std::string(key)] = declared(value, true);
    }
  }

  // A list of further special tokens, or an object {name: token}.
  void read_extra(const Json& object, std::string_view key) {
    const auto more = object.find(key);
    for (std::size_t i = 0; more && i < more->size(); ++i) {
      const bool list = more->is(Json::Kind::array);
      extra_.push_back(declared(list ? (*more)[i] : more->member(i).second, true));
      limit(extra_.size(), *more);
    }
  }

  // tokenizer_config.json: {"49406": {content, ...}}
  void read_decoder(const Json& object) {
    if (!object.is(Json::Kind::object)) object.refuse("an object {id: token}");
    for (std::size_t i = 0; i < object.size(); ++i) {
      const auto [key, value] = object.member(i);
      std::int32_t id = -1;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (error != std::errc() || end != key.data() + key.size() || id < 0) {
        fail(ErrorCode::corrupt_file, object.where(), ": key ", quote(key), " is no token id");
      }
      by_id_[id] = declared(value, false);
      limit(by_id_.size(), object);
    }
  }

  // added_tokens.json: {token: id}
  void read_added(const Json& object) {
    if (!object.is(Json::Kind::object)) object.refuse("an object {token: id}");
    for (std::size_t i = 0; i < object.size(); ++i) {
      const auto [content, id] = object.member(i);
      if (content.empty() || content.size() > longest_token) {
        fail(ErrorCode::corrupt_file, object.where(), ": token ", quote(content), " has ",
             content.size(), " bytes, expected 1 to ", longest_token);
      }
      by_id_[static_cast<std::int32_t>(id.integer(0, INT32_MAX))] = {
          .content = std::string(content), .normalized = !is_named(content)};
      limit(by_id_.size(), object);
    }
  }

  // tokenizer.json's "added_tokens": [{id, content, ...}]
  void read_tokenizer(const Json& array) {
    if (!array.is(Json::Kind::array)) array.refuse("an array of tokens");
    for (std::size_t i = 0; i < array.size(); ++i) {
      const auto id = static_cast<std::int32_t>(array[i].at("id").integer(0, INT32_MAX));
      by_id_[id] = declared(array[i], false);
      limit(by_id_.size(), array);
    }
  }

  SpecialTokens finish(const std::string& file) {
    SpecialTokens out;
    next_id_ = static_cast<std::int32_t>(vocabulary_.size());
    for (const auto& [id, token] : by_id_) {
      const std::int32_t given = place(token, out.added).id;
      if (given != id) {
        fail(ErrorCode::corrupt_file, file, ": added token ", quote(token.content),
             " is declared with id ", id, ", expected ", given);
      }
    }
    const std::size_t with_id = out.added.size();
    const auto place_without_id = [&](const AddedToken& token) {
      const auto end = out.added.begin() + static_cast<std::ptrdiff_t>(with_id);
      if (find(out.added.begin(), end, token.content) == end) place(token, out.added);
    };
    for (const auto& [key, absent] : defaults) {
      const auto at = named_.find(key);
      if (at == named_.end() && absent.empty()) continue;
      const AddedToken token = at != named_.end() ? at->second : AddedToken{std::string(absent)};
      out.named[std::string(key)] = token.content;
      place_without_id(token);
    }
    for (const auto& [key, token] : named_) {
      if (out.named.try_emplace(key, token.content).second) place_without_id(token);
    }
    for (const AddedToken& token : extra_) place_without_id(token);
    return out;
  }

 private:
  bool is_named(std::string_view content) const {
    const auto same = [&](const AddedToken& token) { return token.content == content; };
    return std::any_of(named_.begin(), named_.end(),
                       [&](const auto& n) { return same(n.second); }) ||
           std::any_of(extra_.begin(), extra_.end(), same);
  }

  static void limit(std::size_t count, const Json& where) {
    if (count > max_added) where.refuse(base::concat("at most ", max_added, " tokens"));
  }

  template <typename Iterator>
  static Iterator find(Iterator begin, Iterator end, const std::string& content) {
    return std::find_if(begin, end,
                        [&](const AddedToken& token) { return token.content == content; });
  }

  // Of two declarations of one token the later one's flags hold.
  const AddedToken& place(AddedToken token, std::vector<AddedToken>& out) {
    if (const auto known = find(out.begin(), out.end(), token.content); known != out.end()) {
      token.id = known->id;
      return *known = token;
    }
    const auto at = vocabulary_.find(token.content);
    token.id = at != vocabulary_.end() ? at->second : next_id_++;
    return out.emplace_back(std::move(token));
  }

  const Vocabulary& vocabulary_;
  std::map<std::string, AddedToken, std::less<>> named_;
  std::map<std::int32_t, AddedToken> by_id_;
  std::vector<AddedToken> extra_;
  std::int32_t next_id_ = 0;
};

}  // namespace

SpecialTokens collect_special_tokens(const TokenizerJson& files, const Vocabulary& vocabulary) {
  Collector collector(vocabulary);
  const std::string& file = files.tokenizer ? files.tokenizer->file() : files.vocab->file();
  constexpr std::string_view newer = "extra_special_tokens";
  constexpr std::string_view older = "additional_special_tokens";
  if (files.config) {
    collector.read_named(*files.config);
    const auto list = files.config->find(newer);
    collector.read_extra(*files.config, list && list->size() > 0 ? newer : older);
  }
  const auto decoder = files.config ? files.config->find("added_tokens_decoder") : std::nullopt;
  if (decoder) {
    collector.read_decoder(*decoder);
    return collector.finish(files.config->file());
  }
  if (files.special) {
    collector.read_named(*files.special);
    collector.read_extra(*files.special, newer);
  }
  if (files.added) collector.read_added(*files.added);
  if (files.special) collector.read_extra(*files.special, older);  // unknown to added_tokens.json
  if (files.tokenizer) {
    if (const auto added = files.tokenizer->find("added_tokens")) collector.read_tokenizer(*added);
  }
  return collector.finish(files.added ? files.added->file() : file);
}

}  // namespace streamdiffusion::tokenizer
