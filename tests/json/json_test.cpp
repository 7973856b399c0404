// JSON: kinds, defaults, limits, and errors that name file and key.
#include "json/json.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace streamdiffusion::json {
namespace {

using base::ErrorCode;
using testing::expect_error;

Json parse(std::string_view text, const JsonLimits& limits = {}) {
  return Json::parse(text, "c.json", limits);
}

TEST(Json, ReadsEveryKind) {
  const Json j =
      parse(R"({"b": true, "i": -3, "n": 1.5, "s": "x\u00e9", "a": [1, 2], "o": {}, "z": null})");
  EXPECT_TRUE(j.at("b").boolean());
  EXPECT_EQ(j.at("i").integer(), -3);
  EXPECT_EQ(j.at("i").number(), -3.0);
  EXPECT_EQ(j.at("n").number(), 1.5);
  EXPECT_EQ(j.at("s").string(), "x\xc3\xa9");
  EXPECT_EQ(j.at("a").integers(), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(j.at("o").size(), 0U);
  EXPECT_FALSE(j.has("z"));
  EXPECT_FALSE(j.has("absent"));
}

TEST(Json, GivesDefaultsForAbsentAndNull) {
  const Json j = parse(R"({"z": null, "i": 4})");
  EXPECT_EQ(j.integer_or("z", 7), 7);
  EXPECT_EQ(j.integer_or("i", 7), 4);
  EXPECT_EQ(j.string_or("s", "silu"), "silu");
  EXPECT_TRUE(j.boolean_or("b", true));
  EXPECT_EQ(j.number_or("n", 0.5), 0.5);
}

TEST(Json, NullMayBeAValueLikeOthers) {
  const Json j = Json::parse(R"({"z": null})", "a", {.null_is_absent = false});
  EXPECT_TRUE(j.has("z"));
  EXPECT_EQ(testing::error_of([&] { j.string_or("z", "silu"); }),
            "a: \"z\" is null, expected a string");
}

TEST(Json, ValueOutlivesItsParent) {
  Json inner = [] { return parse(R"({"a": {"b": "deep"}})").at("a").at("b"); }();
  EXPECT_EQ(inner.string(), "deep");
}

TEST(Json, MembersAreSortedByKey) {
  const Json j = parse(R"({"b": 1, "a": 2, "c": 3})");
  EXPECT_EQ(j.member(0).first, "a");
  EXPECT_EQ(j.member(2).second.integer(), 3);
}

TEST(Json, AnIntegerTooLargeForSixtyFourBitsIsANumber) {
  const Json j =
      parse(R"({"model_max_length": 1000000000000000019884624838656, "u": 18446744073709551615})");
  EXPECT_EQ(j.at("model_max_length").number(), 1e30);
  expect_error([&] { j.at("u").integer(); }, ErrorCode::corrupt_file,
               {"c.json", "\"u\"", "an integer"});
}

TEST(Json, ErrorsNameFileKeyFoundAndExpected) {
  const Json j = parse(R"({"unet": {"widths": [32, "64"]}, "act": 3, "n": 5})");
  expect_error([&] { j.at("unet").at("widths").integers(); }, ErrorCode::corrupt_file,
               {R"(c.json: "unet"."widths"[1] is string "64", expected an integer)"});
  expect_error([&] { j.at("act").string(); }, ErrorCode::corrupt_file,
               {R"("act" is 3, expected a string)"});
  expect_error([&] { j.integer_or("n", 1, 1, 4); }, ErrorCode::corrupt_file,
               {R"("n" is 5)", "from 1 to 4"});
  expect_error([&] { parse("{\"n\": 1.0000000001}").at("n").integer(); }, ErrorCode::corrupt_file,
               {R"("n" is 1.0000000001, expected an integer)"});
  expect_error([&] { j.at("unet").at("depth"); }, ErrorCode::corrupt_file,
               {R"(c.json: "unet": key "depth" is missing)"});
  expect_error([&] { j.at("act").find("x"); }, ErrorCode::corrupt_file,
               {R"("act" is 3, expected an object)"});
  expect_error([&] { j[0]; }, ErrorCode::corrupt_file, {"object of 3", "an array"});
}

TEST(Json, UnknownKeysAreAllNamed) {
  const Json j = parse(R"({"width": 1, "widht": 2, "hieght": 3})");
  expect_error(
      [&] {
        j.allow_only({"width", "height"});
      },
      ErrorCode::corrupt_file, {"c.json", R"("hieght", "widht")", "width, height"});
}

struct Malformed {
  const char* name;
  std::string text;
  std::string message;
};

class MalformedJson : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedJson, EndsInAClearError) {
  expect_error([&] { parse(GetParam().text); }, ErrorCode::corrupt_file,
               {"c.json", GetParam().message});
}

INSTANTIATE_TEST_SUITE_P(
    Texts, MalformedJson,
    ::testing::Values(Malformed{"empty", "", "end of input"},
                      Malformed{"cut", R"({"a": [1, 2)", "byte 12"},
                      Malformed{"trailing", "{} {}", "expected end of input"},
                      Malformed{"trailing_comma", "[1,]", "byte 4"},
                      Malformed{"single_quotes", "{'a': 1}", "byte 2"},
                      Malformed{"nan", R"({"a": NaN})", "byte 7"},
                      Malformed{"twice", R"({"a": 1, "b": 2, "a": 3})", R"("a" appears twice)"},
                      Malformed{"bad_utf8", "\"\xff\"", "UTF-8"},
                      Malformed{"lone_surrogate", R"("\ud800")", "surrogate"},
                      Malformed{"deep_arrays", std::string(1'000'000, '['), "deeper than 64"},
                      Malformed{"deep_objects",
                                [] {
                                  std::string text;
                                  for (int i = 0; i < 1000; ++i) text += R"({"a":)";
                                  return text;
                                }(),
                                "deeper than 64"},
                      Malformed{"control_character", "\"a\nb\"", "control character"},
                      Malformed{"infinite", "1e999", "(byte 5): number overflow"}),
    [](const auto& param) { return param.param.name; });

TEST(Json, LimitsTheNumberOfValuesAndBytes) {
  expect_error([] { parse("[0,0,0,0]", {.values = 4}); }, ErrorCode::corrupt_file,
               {"more than 4 JSON values"});
  expect_error([] { parse("[0,0,0,0]", {.bytes = 8}); }, ErrorCode::corrupt_file,
               {"9 bytes", "at most 8"});
}

TEST(Json, MessagesStayShortAndPrintable) {
  expect_error([] { parse('"' + std::string(1'000'000, 'x')); }, ErrorCode::corrupt_file,
               {"c.json"});
  try {
    parse(R"({"a": "\u001b[31m)" + std::string(5000, 'x') + "\"}").at("a").integer();
  } catch (const base::Error& error) {
    EXPECT_LT(std::string_view(error.what()).size(), 300U);
    EXPECT_EQ(std::string_view(error.what()).find('\x1b'), std::string_view::npos);
  }
}

TEST(Json, MissingFileIsNotFound) {
  expect_error([] { Json::read("no/such/config.json"); }, ErrorCode::not_found,
               {"no/such/config.json"});
}

}  // namespace
}  // namespace streamdiffusion::json
