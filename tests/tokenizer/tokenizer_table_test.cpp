// Every string of the table, under every way to declare special tokens, against transformers' ids.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "table.h"
#include "tokenizer/tokenizer.h"

namespace streamdiffusion::tokenizer {
namespace {

using json::Json;
using testing::table;
using testing::texts_of;

class TokenizerTable : public ::testing::TestWithParam<std::size_t> {
 protected:
  Json variant() const { return table().at("variants")[GetParam()]; }
};

void expect_row(const Tokenizer& tokenizer, const Json& row) {
  SCOPED_TRACE(::testing::PrintToString(row[0].string()));
  const Tokens tokens = tokenizer.encode(row[0].string());
  const auto dropped = row[1].integer();
  const auto expected = row[2].integers();
  ASSERT_EQ(tokens.ids.size(), static_cast<std::size_t>(tokenizer.length()));
  EXPECT_EQ(tokens.used, static_cast<int>(expected.size()));
  const auto padding = tokens.ids.begin() + tokens.used;
  EXPECT_EQ(std::vector<std::int64_t>(tokens.ids.begin(), padding), expected);
  EXPECT_THAT(std::vector(padding, tokens.ids.end()), ::testing::Each(tokenizer.pad_id()));
  EXPECT_EQ(tokens.dropped, dropped);
  EXPECT_EQ(tokens.truncated, dropped > 0);
}

TEST_P(TokenizerTable, EqualsTransformersForEveryString) {
  const Tokenizer tokenizer(texts_of(variant()),
                            static_cast<int>(variant().at("length").integer()));
  EXPECT_EQ(tokenizer.length(), variant().at("length").integer());
  EXPECT_EQ(tokenizer.vocab_size(), variant().at("size").integer());
  EXPECT_EQ(tokenizer.bos_id(), variant().at("bos").integer());
  EXPECT_EQ(tokenizer.eos_id(), variant().at("eos").integer());
  EXPECT_EQ(tokenizer.pad_id(), variant().at("pad").integer());
  const Json rows = variant().at("rows");
  ASSERT_GT(rows.size(), 50U);
  for (std::size_t i = 0; i < rows.size(); ++i) expect_row(tokenizer, rows[i]);
}

INSTANTIATE_TEST_SUITE_P(Variants, TokenizerTable,
                         ::testing::Range<std::size_t>(0, table().at("variants").size()),
                         [](const auto& param) {
                           return table().at("variants")[param.param].at("name").string();
                         });

}  // namespace
}  // namespace streamdiffusion::tokenizer
