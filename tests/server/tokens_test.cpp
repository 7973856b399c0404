// Several tokens of one server: how they are read, and what each may have.
#include "server/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/running_server.h"
#include "server/sessions/admission.h"
#include "server/ten_fps.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::testing {
namespace {

using nlohmann::json;
using server::Admission;
using server::ServerOptions;
using ::testing::HasSubstr;

TEST(Tokens, OfAFileHaveLimits) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& text) {
    return server::read_tokens(folder.write("tokens", text).string());
  };
  const auto tokens = read("first-token\n\n# of the lab\n  other-token sessions=2 load=0.25\r\n");
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_EQ(tokens[0].secret, "first-token");
  EXPECT_EQ(tokens[0].sessions, 0);
  EXPECT_EQ(tokens[0].load, 1);
  EXPECT_EQ(tokens[1].secret, "other-token");
  EXPECT_EQ(tokens[1].sessions, 2);
  EXPECT_EQ(tokens[1].load, 0.25);
  const auto message = [&](const std::string& text) {
    try {
      server::check(read(text));
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("secret"))) << "a token in a message";
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message("\n# none\n"), HasSubstr("is empty, expected a token in each line"));
  EXPECT_THAT(message("secret-1\nsecret-2 sessions=0"),
              HasSubstr("line 2: sessions is 0, expected 1 to 1024"));
  EXPECT_THAT(message("secret-1 load=1.5"), HasSubstr("line 1: load is 1.5, expected more than 0"));
  EXPECT_THAT(message("secret-1\nsecret-2 sessions=1 load=0.5 sessions=3"),
              HasSubstr("line 2: sessions stands twice, expected once"));
  EXPECT_THAT(message("secret-1 load=1 load=1"), HasSubstr("line 1: load stands twice"));
  EXPECT_THAT(message("secret-1 secret-2"), HasSubstr("something else than sessions=N"));
  EXPECT_THAT(message("secret-1\nsecret-1"), HasSubstr("a token twice"));
  EXPECT_THAT(message("secret"), HasSubstr("expected 8 to 256 characters"));
  ServerOptions options;
  options.tokens = {{"first-token", 0, 0.5}};
  EXPECT_THAT(error_of([&] { server::check(options); }), HasSubstr("expected --min-fps"));
  options.limits.min_fps = 1;
  EXPECT_NO_THROW(server::check(options));
}

TEST(Tokens, HaveSessionsOfTheirOwn) {
  ServerOptions options = ten_fps();
  options.tokens = {{"first-token", 1}, {"other-token"}};
  RunningServer server(options);
  const Fields first{{"Authorization", "Bearer first-token"}},
      other{{"Authorization", "Bearer other-token"}};
  WebSocketClient mine(server.port(), "/api/ws/mine?frames=binary&token=first-token");
  mine.await("settings");
  mine.send_image({}, jpeg_of(1, 2, 3));
  ASSERT_TRUE(mine.image());
  EXPECT_EQ(server.get("/api/sessions", first).json()["sessions"].size(), 1U);
  EXPECT_EQ(server.get("/api/sessions", other).json()["sessions"].size(), 0U);
  for (const char* path : {"/api/sessions/mine", "/api/image/mine", "/api/stream/mine",
                           "/api/control_image/mine", "/api/style_image/mine"}) {
    EXPECT_EQ(server.get(path, other).status, 404) << path;
  }
  EXPECT_EQ(server.get("/api/image", other).status, 404);
  EXPECT_EQ(server.get("/api/image/mine", first).status, 200);
  EXPECT_EQ(fetch(server.port(), "DELETE", "/api/sessions/mine", "", other).status, 404);
  EXPECT_EQ(fetch(server.port(), "PATCH", "/api/sessions/mine", "{}", other).status, 404);
  WebSocketClient more(server.port(), "/api/ws/more?frames=binary&token=first-token");
  const json error = more.await("error");
  EXPECT_EQ(error["code"], "token_limit");
  EXPECT_EQ(error["fatal"], true);
  EXPECT_EQ(server.post("/api/txt2img", "{}", first).status, 429);
  EXPECT_EQ(server.post("/api/txt2img", "{}", other).status, 200);
  WebSocketClient theirs(server.port(), "/api/ws/theirs?frames=binary&token=other-token");
  EXPECT_EQ(theirs.await("connected")["id"], "theirs");
  mine.wire().close();
  wait_until("the token to have room again",
             [&] { return server.post("/api/txt2img", "{}", first).status == 200; });
}

TEST(Tokens, MayUseTheSameIdForDifferentSessions) {
  ServerOptions options;
  options.tokens = {{"first-token"}, {"other-token"}};
  options.limits.requests_per_second = 10000;
  RunningServer server(options);
  const Fields first{{"Authorization", "Bearer first-token"}},
      other{{"Authorization", "Bearer other-token"}};
  const auto connect = [&](const std::string& token) {
    return WebSocketClient(server.port(), "/api/ws/me?frames=binary&token=" + token);
  };
  WebSocketClient red = connect("first-token"), blue = connect("other-token");
  EXPECT_EQ(red.await("connected")["id"], "me");
  EXPECT_EQ(blue.await("connected")["id"], "me");
  EXPECT_EQ(connect("first-token").await("error")["code"], "conflict");
  red.send_image({}, jpeg_of(220, 20, 20));
  ASSERT_TRUE(red.image());
  EXPECT_EQ(server.get("/api/image/me", other).code(), "no_image");
  EXPECT_EQ(server.get("/api/image", other).status, 404);
  blue.send_image({}, jpeg_of(20, 20, 220));
  ASSERT_TRUE(blue.image());
  for (const char* path : {"/api/image/me", "/api/image"}) {
    EXPECT_TRUE(similar_colors(color_of(server.get(path, first).body), 0xdc1414)) << path;
    EXPECT_TRUE(similar_colors(color_of(server.get(path, other).body), 0x1414dc)) << path;
  }
  const auto seed = [&](const Fields& token) {
    return server.get("/api/sessions/me", token).json()["params"]["seed"].get<int>();
  };
  const int before = seed(other);
  EXPECT_EQ(fetch(server.port(), "PATCH", "/api/sessions/me", R"({"seed": 77})", first).status,
            200);
  EXPECT_EQ(seed(first), 77);
  EXPECT_EQ(seed(other), before);
  EXPECT_EQ(server.get("/api/sessions", other).json()["sessions"].size(), 1U);
  EXPECT_EQ(fetch(server.port(), "DELETE", "/api/sessions/me", "", first).status, 204);
  EXPECT_EQ(red.close_code(), 1000);
  wait_until("the session to end",
             [&] { return server.get("/api/sessions/me", first).status == 404; });
  blue.send_image({}, jpeg_of(20, 20, 220));
  EXPECT_TRUE(blue.image());
}

TEST(Tokens, ShareTheDeviceAsGroups) {
  ServerOptions options;
  options.tokens = {{"first-token"}, {"other-token"}};
  options.limits.requests_per_second = 10000;
  const auto groups_of = [&] {
    RunningServer server(options);
    for (const char* target : {"/api/ws/a?token=first-token", "/api/ws/b?token=other-token",
                               "/api/ws/c?token=other-token"}) {
      WebSocketClient(server.port(), std::string(target) + "&frames=binary").await("connected");
    }
    EXPECT_EQ(server.post("/api/txt2img?token=first-token", "{}").status, 200);
    return server.fake.groups();
  };
  EXPECT_EQ(groups_of(), (std::vector<std::uint64_t>{1, 2, 2, 1}));
  options.limits.min_fps = 1;  // what each stream was promised goes before
  EXPECT_EQ(groups_of(), (std::vector<std::uint64_t>{0, 0, 0, 0}));
}

TEST(Tokens, WhoWaitsForRoomOfItsOwnKeepsNobodyBack) {
  ServerOptions options = ten_fps();
  options.limits.sessions = 2;
  options.tokens = {{"first-token", 0, 0.5}, {"other-token"}};
  RunningServer server(options);
  const auto connect = [&](const std::string& id, const std::string& token) {
    return std::make_unique<WebSocketClient>(
        server.port(), "/api/ws/" + id + "?frames=binary&token=" + token + "-token");
  };
  const SessionOptions start = server.fake.with_defaults(server.fake.initial_settings().options);
  server.fake.step_seconds = 1;
  server.fake.step_seconds =
      0.2 * Admission::kForStreams / 10 / server.fake.frame_seconds(start);  // a load of 0.2
  auto mine = connect("mine", "first"), theirs = connect("theirs", "other");
  mine->await("settings");
  theirs->await("settings");
  auto second = connect("second", "first");
  EXPECT_EQ(second->await("wait")["position"], 1);
  mine->text(json{{"type", "settings"}, {"params", {{"width", 2 * *start.width}}}});
  EXPECT_EQ(mine->await("settings")["params"]["width"], 2 * *start.width);
  theirs.reset();
  wait_until("a place", [&] {
    return server.post("/api/txt2img", "{}", {{"Authorization", "Bearer other-token"}}).status ==
           200;
  });
  auto more = connect("more", "other");
  EXPECT_EQ(more->await("connected")["id"], "more");
  more.reset();
  mine.reset();
  EXPECT_EQ(second->await("connected")["id"], "second");
}

TEST(Tokens, EachHasACookie) {
  ServerOptions options;
  options.tokens = {{"first-token"}, {"other-token"}};
  RunningServer server(options);
  WebSocketClient mine(server.port(), "/api/ws/mine?frames=binary&token=other-token");
  mine.await("settings");
  const auto sessions = [&](const char* token) {
    const std::string cookie = server.get(std::string("/?token=") + token).header.at("set-cookie");
    const Fields fields{{"Cookie", cookie.substr(0, cookie.find(';'))}};
    return server.get("/api/sessions", fields).json()["sessions"].size();
  };
  EXPECT_EQ(sessions("first-token"), 0U);
  EXPECT_EQ(sessions("other-token"), 1U);
}

}  // namespace
}  // namespace streamdiffusion::testing
