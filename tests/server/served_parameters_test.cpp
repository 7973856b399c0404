// What the server tells a client about its parameters beside their values: a seed that was drawn,
// and what has no effect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/running_server.h"

namespace streamdiffusion::server {
namespace {

using testing::fetch;
using ::testing::HasSubstr;
using testing::HttpAnswer;
using ::testing::Not;
using testing::RunningServer;
using testing::WebSocketClient;

std::vector<std::string> params_of(const nlohmann::json& warnings) {
  std::vector<std::string> names;
  for (const nlohmann::json& warning : warnings) {
    if (warning.contains("param")) names.push_back(warning["param"]);
  }
  return names;
}

TEST(ServedParameters, AnImageComesWithItsSeedAndItsWarnings) {
  RunningServer server;
  const HttpAnswer given = server.post("/api/txt2img", R"({"seed": 7})");
  ASSERT_EQ(given.status, 200) << given.body;
  EXPECT_EQ(given.header.at("x-seed"), "7");
  std::set<std::string> drawn;
  for (int i = 0; i < 3; ++i) {
    const HttpAnswer answer =
        server.post("/api/txt2img", R"({"seed": -1, "cfg_type": "none", "delta": 2})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    drawn.insert(answer.header.at("x-seed"));
    EXPECT_THAT(nlohmann::json::parse(answer.header.at("x-warnings")).at(0).get<std::string>(),
                HasSubstr("delta has no effect"));
  }
  EXPECT_GT(drawn.size(), 1U);
  EXPECT_FALSE(drawn.contains("-1"));
}

/// The warnings of a request for one image.
std::vector<std::string> warnings_of(const RunningServer& server, const char* body) {
  const HttpAnswer answer = server.post("/api/txt2img", body);
  EXPECT_EQ(answer.status, 200) << answer.body;
  const auto found = answer.header.find("x-warnings");
  if (found == answer.header.end()) return {};
  return nlohmann::json::parse(found->second).get<std::vector<std::string>>();
}

TEST(ServedParameters, AnImageSaysWhatOnlyStreamsHave) {
  RunningServer server;
  using ::testing::ElementsAre;
  const auto on_one = [](const char* name) {
    return HasSubstr(std::string(name) + " has no effect on a single image");
  };
  EXPECT_THAT(warnings_of(server, R"({"transition_ms": 500})"),
              ElementsAre(on_one("transition_ms")));
  EXPECT_THAT(warnings_of(server, R"({"use_cached_attn": true, "cache_interval": 3})"),
              ElementsAre(on_one("use_cached_attn"), on_one("cache_interval")));
  EXPECT_THAT(warnings_of(server, R"({"jpeg_quality": 50, "format": "png"})"),
              ElementsAre(HasSubstr("jpeg_quality has no effect on PNG")));
  EXPECT_THAT(warnings_of(server, R"({"prompt_list": [["red apple", 1], ["apple", 0]]})"),
              ElementsAre(HasSubstr("prompt_list[1]: the prompt has no effect with weight 0")));
  EXPECT_THAT(warnings_of(server, R"({"transition_ms": 0, "use_cached_attn": false,
                                      "jpeg_quality": 50, "format": "webp"})"),
              ElementsAre());
}

TEST(ServedParameters, WarningsThatDoNotFitAreCounted) {
  RunningServer server;
  const std::vector<std::string> told = warnings_of(server, R"({"transition_ms": 500,
      "use_cached_attn": true, "cache_interval": 3, "cache_maxframes": 2, "cache_first_level": 1,
      "use_feature_injection": true, "feature_injection_strength": 0.5,
      "feature_injection_threshold": 0.5, "cfg_type": "none", "delta": 2})");
  ASSERT_EQ(told.size(), 9U);
  EXPECT_EQ(told.back(), "and 1 more");
}

TEST(ServedParameters, ASessionHasTheSeedThatWasDrawn) {
  RunningServer server;
  WebSocketClient client = server.connect("me");
  client.text({{"type", "settings"}, {"params", {{"seed", -1}}}});
  const nlohmann::json seed = client.await("settings")["params"]["seed"];
  EXPECT_GE(seed, 0);
  const HttpAnswer later = fetch(server.port(), "PATCH", "/api/sessions/me", R"({"delta": 1.5})");
  EXPECT_EQ(later.json()["params"]["seed"], seed) << "it is drawn once";
  const HttpAnswer again = fetch(server.port(), "PATCH", "/api/sessions/me", R"({"seed": -1})");
  EXPECT_NE(again.json()["params"]["seed"], seed);
}

TEST(ServedParameters, ASessionSaysWhatHasNoEffect) {
  RunningServer server;
  WebSocketClient client = server.connect("me");
  client.text({{"type", "settings"},
               {"params", {{"cfg_type", "none"}, {"negative_prompt", "a"}, {"prompt", "b"}}}});
  EXPECT_EQ(params_of(client.await("settings")["warnings"]),
            std::vector<std::string>{"negative_prompt"});
  EXPECT_EQ(params_of(server.get("/api/sessions/me").json()["warnings"]),
            std::vector<std::string>{"negative_prompt"});
  const HttpAnswer answer = fetch(server.port(), "PATCH", "/api/sessions/me",
                                  R"({"cfg_type": "full", "guidance_scale": 3})");
  EXPECT_TRUE(params_of(answer.json()["warnings"]).empty()) << answer.body;
}

TEST(ServedParameters, AnEmptyPromptIsAPrompt) {
  RunningServer server;
  auto client = server.connect("me");
  for (const std::string prompt : {"", "  "}) {
    client.text({{"type", "settings"}, {"params", {{"prompt", prompt}}}});
    const nlohmann::json settings = client.await("settings");
    EXPECT_EQ(settings["params"]["prompt"], prompt) << "not the model's own";
    EXPECT_THAT(settings["warnings"].dump(), HasSubstr("the prompt is empty"));
    EXPECT_EQ(server.post("/api/txt2img", nlohmann::json{{"prompt", prompt}}.dump()).status, 200);
  }
  EXPECT_EQ(server.post("/api/txt2img", R"({"prompt_list": [["", 1]]})").status, 200);
  for (const char* said : {R"-({"prompt": "()"})-", R"({"negative_prompt": ""})"}) {
    const HttpAnswer answer = server.post("/api/txt2img", said);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto told = answer.header.find("x-warnings");
    const std::string warnings = told == answer.header.end() ? "" : told->second;
    EXPECT_THAT(warnings, Not(HasSubstr("is empty"))) << said;
  }
  EXPECT_EQ(
      server
          .post("/api/img2img?prompt=", testing::jpeg_of(1, 2, 3), {{"Content-Type", "image/jpeg"}})
          .status,
      200);
}

TEST(ServedParameters, ANulIsFoundWhereverTextsComeIn) {
  RunningServer server;
  constexpr const char* kFound = "byte 3, counted from 0, is one";
  for (const char* body : {R"({"prompt": "red\u0000"})", R"({"prompt_list": [["red\u0000", 1]]})",
                           R"({"negative_prompt": "red\u0000"})"}) {
    const HttpAnswer answer = server.post("/api/txt2img", body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body, HasSubstr(kFound)) << body;
  }
  const HttpAnswer query = server.post("/api/img2img?prompt=red%00", testing::jpeg_of(1, 2, 3),
                                       {{"Content-Type", "image/jpeg"}});
  EXPECT_THAT(query.body, HasSubstr(kFound));
}

TEST(ServedParameters, NullIsNoValue) {
  RunningServer server;
  for (const char* name : {"prompt", "seed", "t_index_list", "format", "image"}) {
    const std::string body = R"({"image": "", ")" + std::string(name) + R"(": null})";
    const HttpAnswer answer = name == std::string("image")
                                  ? server.post("/api/img2img", R"({"image": null})")
                                  : server.post("/api/img2img", body);
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_THAT(answer.body, HasSubstr("is null, expected")) << name;
    EXPECT_EQ(answer.json()["error"]["param"], name);
  }
  EXPECT_EQ(server.post("/api/txt2img", R"({"image": null})").status, 400);
  auto client = server.connect("me");
  client.send_image({{"seq", nullptr}}, testing::jpeg_of(1, 2, 3));
  EXPECT_THAT(client.await("error").value("message", ""), HasSubstr("is null, expected"));
  client.text({{"type", "pause"}, {"params", nullptr}});
  EXPECT_EQ(client.await("error")["code"], "bad_message");
}

}  // namespace
}  // namespace streamdiffusion::server
