// What addresses and arguments ask for.
#include "osc/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "osc/answer.h"

namespace streamdiffusion::osc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Request read(const std::string& address, std::vector<Argument> arguments = {}) {
  return read_request({address, std::move(arguments)}, params::parameters());
}

std::string problem_of(const std::string& address, std::vector<Argument> arguments) {
  try {
    read(address, std::move(arguments));
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

std::int64_t whole(int value) {
  return value;
}

TEST(OscRequest, EachTypeOfTheTable) {
  EXPECT_EQ(read("/seed", {whole(7)}).change_text(), R"({"seed":7})");
  EXPECT_EQ(read("/seed", {7.0}).change_text(), R"({"seed":7})") << "TouchDesigner sends floats";
  EXPECT_EQ(read("/guidance_scale", {0.7}).change_text(), R"({"guidance_scale":0.7})");
  EXPECT_EQ(read("/delta", {whole(1)}).change_text(), R"({"delta":1})");
  EXPECT_EQ(read("/prompt", {std::string("a \"b\"")}).change_text(), R"({"prompt":"a \"b\""})");
  EXPECT_EQ(read("/enable_similar_image_filter", {true}).change_text(),
            R"({"enable_similar_image_filter":true})");
  EXPECT_EQ(read("/enable_similar_image_filter", {0.0}).change_text(),
            R"({"enable_similar_image_filter":false})");
  EXPECT_EQ(read("/t_index_list", {whole(1), 20.0}).change_text(), R"({"t_index_list":[1,20]})");
  EXPECT_EQ(read("/prompt_list", {std::string("a"), 1.0, std::string("b"), whole(2)}).change_text(),
            R"({"prompt_list":[["a",1],["b",2]]})");
  EXPECT_EQ(read("/seed_list", {whole(3), 1.0, 4.0, 0.5}).change_text(),
            R"({"seed_list":[[3,1],[4,0.5]]})");
  EXPECT_EQ(read("/prompt_list", {std::string(R"([["a", 1]])")}).change_text(),
            R"({"prompt_list":[["a", 1]]})");
}

TEST(OscRequest, NamesOfExistingControllers) {
  EXPECT_EQ(read("/t_list", {whole(1)}).change_text(), R"({"t_index_list":[1]})");
  EXPECT_EQ(read("/sdmode", {std::string("txt2img")}).change_text(), R"({"mode":"txt2img"})");
  EXPECT_EQ(read("/pause").pause, true);
  EXPECT_EQ(read("/pause", {0.0}).pause, false);
  EXPECT_EQ(read("/play").pause, false);
  EXPECT_EQ(read("/play", {whole(0)}).pause, true);
  EXPECT_TRUE(read("/get_status").status);
}

TEST(OscRequest, PrefixAndSession) {
  EXPECT_EQ(read("/streamdiffusion/seed", {whole(7)}).session, "");
  const Request request = read("/streamdiffusion/stage-1/seed", {whole(7)});
  EXPECT_EQ(request.session, "stage-1");
  EXPECT_EQ(request.change_text(), R"({"seed":7})");
  EXPECT_EQ(read("/streamdiffusion/stage-1/pause").session, "stage-1");
}

TEST(OscRequest, WithoutArgumentsItIsAQuestion) {
  EXPECT_THAT(read("/streamdiffusion/seed").questions, ElementsAre("seed"));
  EXPECT_TRUE(read("/streamdiffusion/seed").change.empty());
}

TEST(OscRequest, WhatDoesNotFitIsNamed) {
  EXPECT_THAT(problem_of("/dance", {whole(1)}),
              HasSubstr("no parameter for the OSC address \"/dance\""));
  EXPECT_THAT(problem_of("/seed", {std::string("x")}),
              HasSubstr("\"/seed\": argument 1 is a text, expected a whole number"));
  EXPECT_THAT(problem_of("/seed", {7.5}), HasSubstr("is a number, expected a whole number"));
  EXPECT_THAT(problem_of("/seed", {1e300}), HasSubstr("expected a whole number"));
  EXPECT_THAT(problem_of("/seed", {std::nan("")}), HasSubstr("expected a whole number"));
  EXPECT_THAT(problem_of("/delta", {std::nan("")}), HasSubstr("expected a finite number"));
  EXPECT_THAT(problem_of("/delta", {1.0, 2.0}), HasSubstr("has 2 arguments, expected one"));
  EXPECT_THAT(problem_of("/prompt", {whole(1)}), HasSubstr("is an integer, expected a text"));
  EXPECT_THAT(problem_of("/pause", {0.5}), HasSubstr("expected T, F, 0 or 1"));
  EXPECT_THAT(problem_of("/prompt_list", {std::string("[")}), HasSubstr("/prompt_list"));
  EXPECT_THAT(problem_of("/prompt_list", {std::string("a"), 1.0, 2.0}), HasSubstr("in turns"));
  EXPECT_THAT(problem_of("/", {whole(1)}), HasSubstr("no parameter"));
}

TEST(OscRequest, LaterChangesJoin) {
  Request first = read("/seed", {whole(1)});
  const Request other = read("/streamdiffusion/a/seed", {whole(1)});
  EXPECT_FALSE(first.joins(other));
  EXPECT_FALSE(first.joins(read("/pause")));
  EXPECT_FALSE(first.joins(read("/seed")));
  Request later = read("/seed", {whole(2)});
  ASSERT_TRUE(first.joins(later));
  first.join(std::move(later));
  EXPECT_EQ(first.change_text(), R"({"seed":2})");
}

TEST(OscAnswer, ListsAreArguments) {
  const Message message = answer("prompt_list", nlohmann::json::parse(R"([["a", 1.5], ["b", 2]])"));
  EXPECT_EQ(message.address, "/streamdiffusion/prompt_list");
  EXPECT_THAT(message.arguments,
              ElementsAre(Argument(std::string("a")), Argument(1.5), Argument(std::string("b")),
                          Argument(std::int64_t{2})));
  EXPECT_TRUE(answer("x", nullptr).arguments.empty());
}

}  // namespace
}  // namespace streamdiffusion::osc
