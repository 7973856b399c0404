// Parsers of the vocabulary and the merges, with limits and exact messages.
#include "tokenizer/vocabulary_files.h"

#include "base/error.h"
#include "json/quote.h"

namespace streamdiffusion::tokenizer {
namespace {

using base::ErrorCode;
using base::fail;
using json::Json;
using json::quote;

// "left right": exactly one space, with text on both sides.
bool split_merge(std::string_view text, std::pair<std::string, std::string>& out) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == text.size()) return false;
  if (text.find(' ', space + 1) != std::string_view::npos) return false;
  out = {std::string(text.substr(0, space)), std::string(text.substr(space + 1))};
  return true;
}

}  // namespace

Vocabulary parse_vocabulary(const Json& object) {
  if (!object.is(Json::Kind::object)) object.refuse("an object {token: id}");
  if (object.size() == 0 || object.size() > kMaxVocabulary) {
    object.refuse(base::concat("1 to ", kMaxVocabulary, " tokens"));
  }
  Vocabulary out;
  out.reserve(object.size());
  std::unordered_map<std::int32_t, std::string_view> owners;
  owners.reserve(object.size());
  for (std::size_t i = 0; i < object.size(); ++i) {
    const auto [token, value] = object.member(i);
    const auto id = static_cast<std::int32_t>(value.integer(0, kMaxVocabulary));
    const auto [owner, fresh] = owners.try_emplace(id, token);
    if (!fresh) {
      fail(ErrorCode::corrupt_file, object.where(), ": id ", id, " belongs to both ",
           quote(owner->second), " and ", quote(token));
    }
    out.emplace(token, id);
  }
  return out;
}

Merges parse_merges_text(std::string_view text, const std::string& file) {
  Merges out;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    std::string_view merge = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (merge.ends_with('\r')) merge.remove_suffix(1);
    if (merge.starts_with("#version") || (merge.empty() && text.empty())) continue;
    if (!split_merge(merge, out.emplace_back())) {
      fail(ErrorCode::corrupt_file, file, ": line ", line, " is ", quote(merge),
           ", expected two tokens and one space");
    }
    if (out.size() > kMaxVocabulary) {
      fail(ErrorCode::corrupt_file, file, ": more than ", kMaxVocabulary, " merges");
    }
  }
  base::require(!out.empty(), ErrorCode::corrupt_file, file, ": holds no merges");
  return out;
}

Merges parse_merges_json(const Json& array) {
  if (!array.is(Json::Kind::array)) array.refuse("an array of merges");
  Merges out(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    const Json merge = array[i];
    if (merge.is(Json::Kind::array) && merge.size() == 2) {
      out[i] = {merge[0].string(), merge[1].string()};
    } else if (!merge.is(Json::Kind::string) || !split_merge(merge.string(), out[i])) {
      merge.refuse("\"left right\" or [\"left\", \"right\"]");
    }
  }
  return out;
}

void check_model(const Json& model) {
  const auto must_be = [&](std::string_view key, std::string_view expected) {
    const auto value = model.find(key);
    if (!value || value->string() == expected) return;
    fail(ErrorCode::unsupported, value->where(), " is ", value->found(), ", CLIP's tokenizer has ",
         quote(expected));
  };
  if (!model.is(Json::Kind::object)) model.refuse("an object");
  must_be("type", "BPE");
  must_be("continuing_subword_prefix", "");
  model.at("end_of_word_suffix");
  must_be("end_of_word_suffix", "</w>");
  for (const std::string_view key : {"byte_fallback", "ignore_merges"}) {
    if (model.boolean_or(key, false)) {
      fail(ErrorCode::unsupported, model.at(key).where(), " is true, CLIP's tokenizer has false");
    }
  }
  if (model.number_or("dropout", 0) != 0) {
    fail(ErrorCode::unsupported, model.at("dropout").where(), " is not 0: tokens would be random");
  }
}

}  // namespace streamdiffusion::tokenizer
