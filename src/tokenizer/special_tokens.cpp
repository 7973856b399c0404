// Reads every file and key where transformers 5 looks for special tokens, then assigns ids in its
// order.
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

constexpr std::size_t kMaxAddedTokens = 4096;
constexpr std::size_t kMaxTokenBytes = 1024;

// The declaration of a token, a string or an object. Its id stays -1.
AddedToken parse_token(const Json& value, bool is_special) {
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
  if (out.content.empty() || out.content.size() > kMaxTokenBytes) {
    value.refuse(base::concat("a token of 1 to ", kMaxTokenBytes, " bytes"));
  }
  return out;
}

// The named special tokens in the order of transformers, with CLIPTokenizer's defaults.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kDefaults{
    {{"bos_token", "<|startoftext|>"},
     {"eos_token", "<|endoftext|>"},
     {"unk_token", "<|endoftext|>"},
     {"sep_token", ""},
     {"pad_token", "<|endoftext|>"},
     {"cls_token", ""},
     {"mask_token", ""}}};

class SpecialTokenCollector {
 public:
  explicit SpecialTokenCollector(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  // Every member whose key ends in "_token" and whose value is a token.
  void read_named(const Json& object) {
    if (!object.is(Json::Kind::object)) object.refuse("an object");
    for (std::size_t i = 0; i < object.size(); ++i) {
      const auto [key, value] = object.member(i);
      const bool token = value.is(Json::Kind::string) || value.is(Json::Kind::object);
      if (key.ends_with("_token") && token) named_[std::string(key)] = parse_token(value, true);
    }
  }

  // Further special tokens under `key`: a list, or an object {name: token}.
  void read_extra(const Json& object, std::string_view key) {
    const auto tokens = object.find(key);
    for (std::size_t i = 0; tokens && i < tokens->size(); ++i) {
      const bool is_array = tokens->is(Json::Kind::array);
      extra_.push_back(parse_token(is_array ? (*tokens)[i] : tokens->member(i).second, true));
      check_count(extra_.size(), *tokens);
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
        fail(ErrorCode::corrupt_file, object.where(), ": key ", quote(key), " is not a token id");
      }
      by_id_[id] = parse_token(value, false);
      check_count(by_id_.size(), object);
    }
  }

  // added_tokens.json: {token: id}
  void read_added(const Json& object) {
    if (!object.is(Json::Kind::object)) object.refuse("an object {token: id}");
    for (std::size_t i = 0; i < object.size(); ++i) {
      const auto [content, id] = object.member(i);
      if (content.empty() || content.size() > kMaxTokenBytes) {
        fail(ErrorCode::corrupt_file, object.where(), ": token ", quote(content), " has ",
             content.size(), " bytes, expected 1 to ", kMaxTokenBytes);
      }
      by_id_[static_cast<std::int32_t>(id.integer(0, INT32_MAX))] = {
          .content = std::string(content), .normalized = !is_named(content)};
      check_count(by_id_.size(), object);
    }
  }

  // tokenizer.json's "added_tokens": [{id, content, ...}]
  void read_tokenizer(const Json& array) {
    if (!array.is(Json::Kind::array)) array.refuse("an array of tokens");
    for (std::size_t i = 0; i < array.size(); ++i) {
      const auto id = static_cast<std::int32_t>(array[i].at("id").integer(0, INT32_MAX));
      by_id_[id] = parse_token(array[i], false);
      check_count(by_id_.size(), array);
    }
  }

  SpecialTokens finish(const std::string& file) {
    SpecialTokens out;
    next_id_ = static_cast<std::int32_t>(vocabulary_.size());
    for (const auto& [id, token] : by_id_) {
      const std::int32_t assigned = assign_id(token, out.added).id;
      if (assigned != id) {
        fail(ErrorCode::corrupt_file, file, ": added token ", quote(token.content),
             " is declared with id ", id, ", expected ", assigned);
      }
    }
    const std::size_t count_with_id = out.added.size();
    const auto assign_without_id = [&](const AddedToken& token) {
      const auto end = out.added.begin() + static_cast<std::ptrdiff_t>(count_with_id);
      if (find(out.added.begin(), end, token.content) == end) assign_id(token, out.added);
    };
    for (const auto& [key, default_content] : kDefaults) {
      const auto at = named_.find(key);
      if (at == named_.end() && default_content.empty()) continue;
      const AddedToken token =
          at != named_.end() ? at->second : AddedToken{std::string(default_content)};
      out.named[std::string(key)] = token.content;
      assign_without_id(token);
    }
    for (const auto& [key, token] : named_) {
      if (out.named.try_emplace(key, token.content).second) assign_without_id(token);
    }
    for (const AddedToken& token : extra_) assign_without_id(token);
    return out;
  }

 private:
  bool is_named(std::string_view content) const {
    const auto same = [&](const AddedToken& token) { return token.content == content; };
    return std::any_of(named_.begin(), named_.end(),
                       [&](const auto& n) { return same(n.second); }) ||
           std::any_of(extra_.begin(), extra_.end(), same);
  }

  static void check_count(std::size_t count, const Json& where) {
    if (count > kMaxAddedTokens) where.refuse(base::concat("at most ", kMaxAddedTokens, " tokens"));
  }

  template <typename Iterator>
  static Iterator find(Iterator begin, Iterator end, const std::string& content) {
    return std::find_if(begin, end,
                        [&](const AddedToken& token) { return token.content == content; });
  }

  // Adds the token with its id. If it is there already, the flags of the later declaration hold.
  const AddedToken& assign_id(AddedToken token, std::vector<AddedToken>& out) {
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
  SpecialTokenCollector collector(vocabulary);
  const std::string& file = files.tokenizer ? files.tokenizer->file() : files.vocab->file();
  constexpr std::string_view kNewKey = "extra_special_tokens";
  constexpr std::string_view kOldKey = "additional_special_tokens";
  if (files.config) {
    collector.read_named(*files.config);
    const auto extra = files.config->find(kNewKey);
    collector.read_extra(*files.config, extra && extra->size() > 0 ? kNewKey : kOldKey);
  }
  const auto decoder = files.config ? files.config->find("added_tokens_decoder") : std::nullopt;
  if (decoder) {
    collector.read_decoder(*decoder);
    return collector.finish(files.config->file());
  }
  if (files.special) {
    collector.read_named(*files.special);
    collector.read_extra(*files.special, kNewKey);
  }
  if (files.added) collector.read_added(*files.added);
  if (files.special)
    collector.read_extra(*files.special,
                         kOldKey);  // after added_tokens.json, which does not know it
  if (files.tokenizer) {
    if (const auto added = files.tokenizer->find("added_tokens")) collector.read_tokenizer(*added);
  }
  return collector.finish(files.added ? files.added->file() : file);
}

}  // namespace streamdiffusion::tokenizer
