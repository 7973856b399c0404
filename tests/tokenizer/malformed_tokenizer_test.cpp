// Every way in which a tokenizer's files can be wrong ends in an error that names the file and the
// culprit.
#include <gtest/gtest.h>

#include <functional>

#include "support/errors.h"
#include "support/temporary_folder.h"
#include "table.h"
#include "tokenizer/tokenizer.h"

namespace streamdiffusion::tokenizer {
namespace {

using base::ErrorCode;
using streamdiffusion::testing::expect_error;
using streamdiffusion::testing::TemporaryFolder;
using testing::small_texts;
using testing::small_tokenizer_json;

struct Malformed {
  const char* name;
  std::function<void(TokenizerTexts&)> spoil;
  std::vector<std::string> message;
  ErrorCode code = ErrorCode::corrupt_file;
};

void replace(std::string& text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

auto in_vocab(const std::string& from, const std::string& to) {
  return [=](TokenizerTexts& t) { replace(*t.vocab, from, to); };
}

auto with_config(const std::string& config) {
  return [=](TokenizerTexts& t) { t.config = config; };
}

auto in_json(const std::string& from, const std::string& to) {
  return [=](TokenizerTexts& t) {
    t.tokenizer = small_tokenizer_json(true);
    replace(*t.tokenizer, from, to);
  };
}

auto with_merges(const std::string& merges) {
  return [=](TokenizerTexts& t) {
    t.tokenizer = small_tokenizer_json(true);
    t.tokenizer->replace(t.tokenizer->find("\"merges\": ["), std::string::npos,
                         "\"merges\": " + merges + "}}");
  };
}

std::vector<Malformed> malformed_files() {
  return {
      {"no_files",
       [](auto& t) { t.vocab = t.merges = std::nullopt; },
       {"folder", "expected tokenizer.json"},
       ErrorCode::not_found},
      {"no_merges",
       [](auto& t) { t.merges = std::nullopt; },
       {"folder", "merges.txt"},
       ErrorCode::not_found},
      {"merges_are_empty",
       [](auto& t) { t.merges = "#version: 0.2\n"; },
       {"folder/merges.txt", "holds no merges"}},
      {"vocab_is_no_json", [](auto& t) { t.vocab = "{"; }, {"folder/vocab.json", "not valid JSON"}},
      {"vocab_is_an_array",
       [](auto& t) { t.vocab = "[]"; },
       {"folder/vocab.json", "expected an object"}},
      {"vocab_is_empty",
       [](auto& t) { t.vocab = "{}"; },
       {"folder/vocab.json", "is an empty object"}},
      {"id_is_text",
       in_vocab("\"a\":64", "\"a\":\"64\""),
       {"vocab.json", "\"a\" is string \"64\""}},
      {"id_is_negative", in_vocab("\"a\":64", "\"a\":-1"), {"vocab.json", "\"a\" is -1"}},
      {"id_is_a_fraction", in_vocab("\"a\":64", "\"a\":64.5"), {"vocab.json", "\"a\" is 64.5"}},
      {"id_is_enormous",
       in_vocab("\"a\":64", "\"a\":4000000000"),
       {"vocab.json", "\"a\" is 4000000000"}},
      {"id_twice",
       in_vocab("\"a\":64", "\"a\":65"),
       {"vocab.json", "id 65 belongs to both \"a\" and \"b\""}},
      {"id_missing",
       in_vocab("\"<|endoftext|>\":1513", "\"<|endoftext|>\":1600"),
       {"vocab.json", "no token has id 1513", "up to 1600"}},
      {"token_twice", in_vocab("\"b\":65", "\"a\":65"), {"vocab.json", "\"a\" appears twice"}},
      {"merge_of_three",
       [](auto& t) { *t.merges += "a b c\n"; },
       {"folder/merges.txt", "line 1002", "\"a b c\""}},
      {"merge_of_one",
       [](auto& t) { *t.merges += "abc\n"; },
       {"merges.txt", "line 1002", "\"abc\""}},
      {"merge_with_empty_side", [](auto& t) { *t.merges += "a \n"; }, {"merges.txt", "line 1002"}},
      {"blank_line_between",
       [](auto& t) { *t.merges += "\ni n\n"; },
       {"merges.txt", "line 1002 is \"\""}},
      {"merge_of_unknown_token",
       [](auto& t) { *t.merges += "qqq a\n"; },
       {"merge 1000", "\"qqq\"", "not in the vocabulary"}},
      {"merge_to_unknown_token", [](auto& t) { *t.merges += "q q\n"; }, {"merge 1000", "\"qq\""}},
      {"merge_twice",
       [](auto& t) { *t.merges += "i n\n"; },
       {"merge 1000", "\"i\" and \"n\" appears twice"}},
      {"byte_and_unknown_token_missing",
       [](auto& t) {
         t.vocab = R"({"a":0,"b":1})";
         t.merges = "a b\n";
       },
       {"vocab.json", "byte symbol", "\"<|endoftext|>\""}},
      {"config_is_no_object", with_config("[1]"), {"tokenizer_config.json", "expected an object"}},
      {"another_class",
       with_config(R"({"tokenizer_class": "T5Tokenizer"})"),
       {"tokenizer_config.json", "T5Tokenizer"},
       ErrorCode::unsupported},
      {"cut_on_the_left",
       with_config(R"({"truncation_side": "left"})"),
       {"\"truncation_side\"", "\"left\""},
       ErrorCode::unsupported},
      {"padded_on_the_left",
       with_config(R"({"padding_side": "left"})"),
       {"\"padding_side\""},
       ErrorCode::unsupported},
      {"length_is_text",
       with_config(R"({"model_max_length": "77"})"),
       {"\"model_max_length\" is string"}},
      {"length_too_small",
       with_config(R"({"model_max_length": 2})"),
       {"\"model_max_length\" is 2", "from 3"}},
      {"length_is_a_fraction",
       with_config(R"({"model_max_length": 76.5})"),
       {"\"model_max_length\" is 76.5"}},
      {"token_without_content",
       with_config(R"({"bos_token": {"lstrip": false}})"),
       {"\"bos_token\"", "\"content\" is missing"}},
      {"token_is_empty", with_config(R"({"pad_token": ""})"), {"\"pad_token\"", "1 to 1024 bytes"}},
      {"flag_is_text",
       with_config(R"({"pad_token": {"content": "x", "normalized": "yes"}})"),
       {"\"normalized\" is string"}},
      {"extra_token_is_a_number",
       with_config(R"({"extra_special_tokens": [3]})"),
       {"\"extra_special_tokens\"[0] is 3"}},
      {"added_id_is_no_number",
       with_config(R"({"added_tokens_decoder": {"x1": {"content": "<a>"}}})"),
       {"\"x1\"", "not a token id"}},
      {"added_id_contradicts",
       with_config(R"({"added_tokens_decoder": {"7": {"content": "<|endoftext|>"}}})"),
       {"tokenizer_config.json", "\"<|endoftext|>\" is declared with id 7, expected 1513"}},
      {"added_id_leaves_a_hole",
       [](auto& t) { t.added = R"({"<a>": 1600})"; },
       {"added_tokens.json", "\"<a>\"", "1600", "1514"}},
      {"added_tokens_is_a_list",
       [](auto& t) { t.added = "[]"; },
       {"added_tokens.json", "an object"}},
      {"special_map_is_a_list",
       [](auto& t) { t.special = "[]"; },
       {"special_tokens_map.json", "an object"}},
      {"no_model", [](auto& t) { t.tokenizer = "{}"; }, {"tokenizer.json", "\"model\" is missing"}},
      {"model_is_text",
       [](auto& t) { t.tokenizer = R"({"model": "BPE"})"; },
       {"tokenizer.json", "\"model\" is string \"BPE\""}},
      {"another_model",
       in_json("\"BPE\"", "\"Unigram\""),
       {"\"model\".\"type\" is string \"Unigram\""},
       ErrorCode::unsupported},
      {"no_suffix",
       in_json("\"end_of_word_suffix\"", "\"end\""),
       {"\"end_of_word_suffix\" is missing"}},
      {"another_suffix",
       in_json("\"end_of_word_suffix\": \"</w>\"", "\"end_of_word_suffix\": \"@@\""),
       {"\"@@\"", "\"</w>\""},
       ErrorCode::unsupported},
      {"prefix", in_json("prefix\": \"\"", "prefix\": \"##\""), {"\"##\""}, ErrorCode::unsupported},
      {"dropout",
       in_json("\"dropout\": null", "\"dropout\": 0.1"),
       {"\"dropout\"", "random"},
       ErrorCode::unsupported},
      {"byte_fallback",
       in_json("\"fuse_unk\": false", "\"byte_fallback\": true"),
       {"\"byte_fallback\""},
       ErrorCode::unsupported},
      {"no_vocab", in_json("\"vocab\"", "\"words\""), {"\"vocab\" is missing"}},
      {"no_merges_in_json", in_json("\"merges\"", "\"pairs\""), {"\"merges\" is missing"}},
      {"merges_are_text", with_merges("\"a b\""), {"\"merges\" is string"}},
      {"merge_is_a_triple",
       with_merges("[[\"a\", \"b\", \"c\"]]"),
       {"\"merges\"[0] is an array of 3 items"}},
      {"merge_is_a_number", with_merges("[1]"), {"\"merges\"[0] is 1"}},
      {"added_without_id",
       [](auto& t) { t.tokenizer = small_tokenizer_json(false, R"([{"content": "<a>"}])"); },
       {"\"added_tokens\"[0]: key \"id\" is missing"}},
  };
}

class MalformedTokenizer : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedTokenizer, EndsInAClearError) {
  TokenizerTexts texts = small_texts();
  GetParam().spoil(texts);
  expect_error([&] { Tokenizer(texts, 77); }, GetParam().code, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedTokenizer, ::testing::ValuesIn(malformed_files()),
                         [](const auto& param) { return param.param.name; });

TEST(TokenizerFolder, OpensWhatIsOnDisk) {
  const TemporaryFolder folder;
  folder.write("vocab.json", *small_texts().vocab);
  folder.write("merges.txt", *small_texts().merges);
  folder.write("special_tokens_map.json", R"({"pad_token": "!"})");
  const Tokenizer tokenizer = Tokenizer::open(folder.path(), 77);
  EXPECT_EQ(tokenizer.pad_id(), 0);
  EXPECT_EQ(tokenizer.encode("").ids[2], 0);
}

TEST(TokenizerFolder, TokenizerJsonWinsOverTheOlderFiles) {
  const TemporaryFolder folder;
  folder.write("vocab.json", "not even JSON");
  folder.write("tokenizer.json", small_tokenizer_json(true));
  EXPECT_EQ(Tokenizer::open(folder.path(), 77).vocab_size(), 1514);
}

TEST(TokenizerFolder, NamesAMissingFolder) {
  expect_error([] { Tokenizer::open("no/such/tokenizer", 77); }, ErrorCode::not_found,
               {"no/such/tokenizer"});
}

}  // namespace
}  // namespace streamdiffusion::tokenizer
