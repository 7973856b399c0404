// What needs no socket: the parameter table, messages and URLs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "server/parameters.h"
#include "server/protocol/http.h"
#include "server/protocol/messages.h"
#include "server/protocol/rate_limiter.h"
#include "server/sessions/delivery_stats.h"
#include "support/fake_stream_factory.h"

namespace streamdiffusion::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Table : public ::testing::Test {
 protected:
  nlohmann::json apply(const std::string& text) {
    now_ = table_.apply(parse_client_json(text, "test"), now_);
    return table_.write(now_);
  }
  /// Parameter at fault and the message.
  std::pair<std::string, std::string> refused(const std::string& text) {
    try {
      apply(text);
    } catch (const HttpError& http_error) {
      return {http_error.param(), http_error.what()};
    }
    return {"nothing", ""};
  }

  testing::FakeStreamFactory factory_;
  ParameterTable table_{factory_, Limits{}};
  Parameters now_ = table_.defaults();
};

TEST_F(Table, EveryParameterTakesTheValueThatItShows) {
  const nlohmann::json before = table_.write(now_);
  for (const auto& [name, value] : before.items()) {
    if (name == "prompt") continue;  // says the same as prompt_list
    const nlohmann::json after = apply(nlohmann::json{{name, value}}.dump());
    EXPECT_EQ(after, before) << name;
  }
}

TEST_F(Table, TimestepsAreAGridOfTheirOwn) {
  const nlohmann::json own = apply(R"({"timesteps": [999, 749, 499, 249]})");
  EXPECT_EQ(own["num_inference_steps"], 4);
  EXPECT_EQ(own["t_index_list"], (nlohmann::json{0, 1, 2, 3}));
  EXPECT_EQ(apply(R"({"steps": 2, "strength": 0.5})")["t_index_list"], (nlohmann::json{1, 2}));
  EXPECT_EQ(apply(R"({"timesteps": [800, 400], "t_index_list": [1]})")["t_index_list"],
            nlohmann::json{1});
  const nlohmann::json spaced =
      apply(R"({"timestep_spacing": "trailing", "num_inference_steps": 8})");
  EXPECT_EQ(spaced["timesteps"], nlohmann::json::array()) << "another grid takes their place";
  EXPECT_EQ(spaced["num_inference_steps"], 8);
  apply(R"({"timesteps": [800, 400]})");
  EXPECT_EQ(apply(R"({"timesteps": []})")["timesteps"], nlohmann::json::array());
  EXPECT_EQ(refused(R"({"timesteps": [249, 499]})").first, "timesteps");
}

TEST_F(Table, EveryParameterRefusesAnotherKind) {
  const nlohmann::json schema = table_.schema()["properties"];
  for (const auto& [name, row] : schema.items()) {
    const nlohmann::json wrong =
        row["type"] == "string" ? nlohmann::json(1) : nlohmann::json("text");
    EXPECT_EQ(refused(nlohmann::json{{name, wrong}}.dump()).first, name);
    EXPECT_EQ(refused(nlohmann::json{{name, nlohmann::json::object()}}.dump()).first, name);
    if (!row.contains("maximum")) continue;
    EXPECT_EQ(refused(nlohmann::json{{name, row["maximum"].get<double>() + 1}}.dump()).first, name);
    EXPECT_EQ(refused(nlohmann::json{{name, row["minimum"].get<double>() - 1}}.dump()).first, name);
    EXPECT_EQ(refused(R"({")" + name + R"(": 1e999})").first, "") << "is not JSON";
  }
}

TEST_F(Table, WorkIsLimitedByTheProductOfSizeAndRowsAndTheAnswerSaysWhatFits) {
  // Each alone is allowed, and so is the largest image with four rows.
  apply(R"({"width": 1024, "height": 1024, "steps": 4, "cfg_type": "self"})");
  const auto [param, message] = refused(R"({"steps": 8, "cfg_type": "full"})");
  EXPECT_EQ(param, "steps");
  EXPECT_THAT(message, HasSubstr("1024x1024 with 8 steps and guidance full takes 16 UNet rows"));
  EXPECT_THAT(message, HasSubstr("16777216 pixels x rows; expected at most 4194304"));
  EXPECT_THAT(message, HasSubstr("2 steps at this size, or 512x512 with these steps"));
  EXPECT_EQ(apply("{}")["steps"], 4) << "nothing has changed";
  // What it says fits does fit, and one more does not.
  apply(R"({"steps": 2, "cfg_type": "full"})");
  EXPECT_EQ(refused(R"({"steps": 3})").first, "steps");
  apply(R"({"width": 512, "height": 512, "steps": 8})");
  EXPECT_EQ(refused(R"({"width": 520})").first, "width");
  EXPECT_EQ(refused(R"({"t_index_list": [0, 1, 2, 3, 4, 5, 6, 7], "height": 1024})").first,
            "height");
}

TEST_F(Table, EachCachedFrameIsAQuarterMoreWork) {
  apply(R"({"width": 512, "height": 512, "steps": 8, "cfg_type": "none"})");
  apply(R"({"use_cached_attn": true, "cache_maxframes": 4})");
  EXPECT_THAT(refused(R"({"height": 520})").second,
              HasSubstr("8 UNet rows a frame and ControlNets, IP-Adapters or cached frames that "
                        "are worth 8 more, so 4259840 pixels x rows; expected at most 4194304"));
  apply(R"({"use_cached_attn": false, "height": 520})");
  EXPECT_EQ(refused(R"({"use_cached_attn": true})").first, "use_cached_attn");
}

TEST_F(Table, WhatStreamsStartWithIsAllowedWhateverTheLimit) {
  Limits limits;
  limits.work = 1024;
  const ParameterTable table(factory_, limits);
  const auto apply = [&](const char* text) {
    table.apply(parse_client_json(text, "test"), table.defaults());
  };
  apply(R"({"prompt": "cat"})");
  EXPECT_THROW(apply(R"({"width": 72})"), HttpError);
}

TEST_F(Table, MessagesNameWhatWasFoundAndWhatWasExpected) {
  EXPECT_THAT(refused(R"({"delta": 101})").second,
              HasSubstr("\"delta\" is 101, expected a number from 0 to 100"));
  EXPECT_THAT(refused(R"({"cfg_type": "both"})").second,
              HasSubstr("is string \"both\", expected none, full, self, initialize"));
  EXPECT_THAT(refused(R"({"width": 100})").second, HasSubstr("a multiple of 8"));
  EXPECT_THAT(refused(R"({"sed": 1})").second,
              HasSubstr("no parameter \"sed\"; did you mean \"seed\"?"));
  EXPECT_EQ(refused(R"({"prompt": "a", "prompt_list": [["b", 1]]})").first, "prompt");
  EXPECT_EQ(refused(R"({"prompt_list": [["b", 0]]})").first, "prompt_list");
  EXPECT_EQ(refused(R"({"prompt_list": [["b", -1]]})").first, "prompt_list");
  EXPECT_EQ(refused(R"({"prompt_list": []})").first, "prompt_list");
  EXPECT_EQ(refused(R"({"t_index_list": [3, 2]})").first, "t_index_list");
  EXPECT_EQ(refused(R"({"num_inference_steps": 10, "t_index_list": [12]})").first, "t_index_list");
  EXPECT_EQ(refused(R"({"num_inference_steps": 2, "steps": 4})").first, "steps");
}

TEST_F(Table, StrengthAndStepsPlaceTheSteps) {
  EXPECT_EQ(apply(R"({"strength": 1})")["t_index_list"], (nlohmann::json{0, 25}));
  EXPECT_EQ(apply(R"({"strength": 0})")["t_index_list"], (nlohmann::json{48, 49}));
  EXPECT_EQ(apply(R"({"strength": 0.5, "steps": 4})")["t_index_list"],
            (nlohmann::json{24, 30, 37, 43}));
  EXPECT_EQ(apply(R"({"steps": 1})")["t_index_list"], (nlohmann::json{24}));
  EXPECT_EQ(apply(R"({"t_index_list": [5, 9], "strength": 0})")["t_index_list"],
            (nlohmann::json{5, 9}));
  EXPECT_EQ(apply("{}")["steps"], 2);
  EXPECT_EQ(apply(R"({"num_inference_steps": 8})")["t_index_list"], (nlohmann::json{0, 4}));
}

TEST_F(Table, ASeedOfMinusOneIsDrawnOnceAndKept) {
  const nlohmann::json first = apply(R"({"seed": -1})");
  EXPECT_GE(first["seed"], 0);
  EXPECT_EQ(apply(R"({"delta": 1})")["seed"], first["seed"]);
  EXPECT_NE(apply(R"({"seed": -1})")["seed"], first["seed"]);
  EXPECT_EQ(refused(R"({"seed": -2})").first, "seed");
}

TEST_F(Table, ParametersThatDoNothingAreNamed) {
  const auto params = [&](const char* message) {
    apply(message);
    std::vector<std::string> names;
    for (const nlohmann::json& warning : table_.warnings(now_)) {
      if (warning.contains("param")) names.push_back(warning["param"]);
    }
    return names;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(params(R"({"cfg_type": "none", "delta": 0.5})"), ElementsAre("delta"));
  EXPECT_THAT(params(R"({"guidance_scale": 2})"), ElementsAre("guidance_scale", "delta"));
  EXPECT_THAT(params(R"({"cfg_type": "self"})"), ElementsAre());
  EXPECT_THAT(params(R"({"similar_image_filter_threshold": 0.9})"),
              ElementsAre("similar_image_filter_threshold"));
  EXPECT_THAT(params(R"({"enable_similar_image_filter": true})"), ElementsAre());
  EXPECT_THAT(params(R"({"steps": 2, "t_index_list": [5, 9]})"), ElementsAre("steps"));
  EXPECT_THAT(params(R"({"mode": "txt2img", "strength": 0.5})"), ::testing::Contains("strength"));
  const auto header = table_.image_header(now_, false);
  EXPECT_EQ(header[0], (std::pair<std::string, std::string>("X-Seed", "2")));
  EXPECT_EQ(header[1].first, "X-Warnings");
  EXPECT_TRUE(nlohmann::json::parse(header[1].second).is_array());
}

TEST_F(Table, ModeTxt2ImgHasItsOwnGuidance) {
  apply(R"({"cfg_type": "self", "t_index_list": [20, 30]})");
  const nlohmann::json text = apply(R"({"mode": "txt2img"})");
  EXPECT_EQ(text["cfg_type"], "none");
  EXPECT_EQ(text["t_index_list"], (nlohmann::json{18, 32}));  // the factory's own
  EXPECT_EQ(refused(R"({"cfg_type": "self"})").first, "cfg_type");
  EXPECT_EQ(refused(R"({"cfg_type": "full"})").first, "nothing");
}

TEST_F(Table, AQueryIsReadLikeAnObject) {
  const Parameters read =
      table_.apply({{"seed", "7"}, {"prompt", "\"cat\", black"}, {"token", "x"}}, {"token"}, now_);
  EXPECT_EQ(read.live.options.seed, 7);
  EXPECT_EQ(read.live.prompts[0].text, "\"cat\", black");
  for (const char* seed :
       {"7}", "7,\"delta\":2", " 7", "7 ", "", "+7", "0x7", "07", "7.5", "1e99"}) {
    EXPECT_THROW(table_.apply({{"seed", seed}}, {}, now_), HttpError) << seed;
  }
  EXPECT_THROW(table_.apply({{"colour", "7"}}, {}, now_), HttpError);
}

TEST(Addresses, AreDecodedOnceAndStrictly) {
  Request request;
  read_target("/a%20b?x=1+2&y=%C3%A4&&z", request);
  EXPECT_EQ(request.path, "/a b");
  EXPECT_EQ(request.query.at("x"), "1 2");
  EXPECT_EQ(request.query.at("y"), "ä");
  EXPECT_EQ(request.query.at("z"), "");
  for (const char* target :
       {"a", "", "/%", "/%4", "/%gg", "/%00", "/%ff", "/?%f0%82%82%ac=1", "/?a=1&a=2"}) {
    EXPECT_THROW(read_target(target, request), HttpError) << target;
  }
  EXPECT_EQ(base64_decode("aGFsbG8="), "hallo");
  EXPECT_EQ(base64_decode("data:image/png;base64,aGFsbG8"), "hallo");
  EXPECT_EQ(base64_decode("aGFs\r\nbG8=\r\n"), "hallo") << "as MIME breaks it";
  EXPECT_EQ(base64_decode("aGFsb\nG8\n=\n"), "hallo");
  EXPECT_EQ(base64_decode("data:image/png,%89PNG%0D%0A"), "\x89PNG\r\n");
  EXPECT_EQ(base64_decode("data:image/png,aGFsbG8"), "hallo") << "the mark was forgotten";
  EXPECT_FALSE(base64_decode("data:image/png,%8"));
  EXPECT_FALSE(base64_decode("data:image/png;base64,%89PNG"));
  EXPECT_FALSE(base64_decode("a"));
  EXPECT_FALSE(base64_decode("aGFs\na"));
  EXPECT_FALSE(base64_decode("aGFsbG8=aGFs")) << "more behind the padding";
  EXPECT_FALSE(base64_decode("aGFs bG8="));
}

TEST(Rate, ABurstPassesAndThenTheSteadyRate) {
  const auto start = base::Clock::now();
  TokenBucket bucket(10, 5);
  int passed = 0;
  for (int i = 0; i < 20; ++i) passed += bucket.take(1, start) ? 1 : 0;
  EXPECT_EQ(passed, 5);
  EXPECT_TRUE(bucket.take(1, start + std::chrono::milliseconds(110)));
  EXPECT_FALSE(bucket.take(1, start + std::chrono::milliseconds(120)));
}

TEST(Stats, AnImageThatWaitsIsInFlightAndAReplacedOneIsUndelivered) {
  LiveCounters counters;
  counters.captured = 20;
  counters.processed = 12;
  counters.skipped = 4;
  counters.dropped_undelivered = 1;
  const LiveCounters seen =
      as_seen_by_client(counters, {.processed = 9, .skipped = 3, .replaced = 2});
  EXPECT_EQ(seen.processed, 9U);
  EXPECT_EQ(seen.skipped, 3U);
  EXPECT_EQ(seen.dropped_undelivered, 3U);
  EXPECT_EQ(seen.in_flight(), 5U);
}

TEST(Messages, ABinaryFrameIsReadAsItWasWritten) {
  const std::string message = write_frame_header({{"seq", 5}, {"captured", 1.5}}) + "image";
  const BinaryFrame frame = read_binary_frame(message);
  EXPECT_EQ(frame.header.seq, 5);
  EXPECT_EQ(frame.header.captured, 1.5);
  EXPECT_EQ(frame.image, "image");
}

/// A header that says so of the two images behind it.
std::string with_control_bytes(int bytes) {
  return write_frame_header({{"control_bytes", bytes}}) + "imagecontrol";
}

TEST(Messages, ABinaryFrameMayEndWithAControlImage) {
  const std::string message = with_control_bytes(7), all = with_control_bytes(12);
  EXPECT_EQ(read_binary_frame(message).image, "image");
  EXPECT_EQ(read_binary_frame(message).header.control_bytes, 7U);
  EXPECT_EQ(read_binary_frame(all).image, "");
  for (const int wrong : {13, 0, -1}) {
    try {
      read_binary_frame(with_control_bytes(wrong));
      ADD_FAILURE() << wrong;
    } catch (const HttpError& error) {
      EXPECT_EQ(error.param(), "control_bytes") << error.what();
    }
  }
}

}  // namespace
}  // namespace streamdiffusion::server
