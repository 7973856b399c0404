// The routes of WebRTC, and what the server does with the process of a connection, good and bad.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "server/running_server.h"
#include "support/log.h"
#include "support/sdp.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;

server::ServerOptions with_peers() {
  server::ServerOptions options;
  options.webrtc.program = SD_FAKE_PEER;
  options.limits.requests_per_second = 1000;
  return options;
}

class WebRtc : public ::testing::Test {
 protected:
  explicit WebRtc(server::ServerOptions options = with_peers()) : server_(std::move(options)) {}

  HttpAnswer offer(const std::string& target, const std::string& sdp) const {
    return server_.post(target, sdp, {{"Content-Type", "application/sdp"}});
  }
  /// A connection of a session with this id, whose process does `task`.
  HttpAnswer exchange(const std::string& id, const std::string& task) const {
    return offer("/api/webrtc/" + id, offer_of("sendrecv", task));
  }
  void await_end(const std::string& id) const {
    wait_until("the session to end",
               [&] { return server_.get("/api/sessions/" + id).status == 404; });
    wait_until("its slot to be free",
               [&] { return server_.get("/api/queue").json()["queue_size"] == 0; });
  }
  std::string peer_of(const HttpAnswer& answer) const {
    const std::string& location = answer.header.at("location");
    return "/api/" + location.substr(location.find("peers"));
  }

  RunningServer server_;
};

server::ServerOptions with_two_tokens() {
  server::ServerOptions options = with_peers();
  options.tokens = {{"first-token"}, {"other-token"}};
  return options;
}

class WebRtcOfTwoTokens : public WebRtc {
 protected:
  WebRtcOfTwoTokens() : WebRtc(with_two_tokens()) {}
  HttpAnswer send(const std::string& target, const std::string& way, const std::string& token) {
    return server_.post(
        target, offer_of(way, "plain"),
        {{"Content-Type", "application/sdp"}, {"Authorization", "Bearer " + token}});
  }
};

TEST_F(WebRtc, AnOfferIsAnsweredAndTheLocationEndsIt) {
  const HttpAnswer answer = exchange("one", "plain");
  ASSERT_EQ(answer.status, 201);
  EXPECT_EQ(answer.header.at("content-type"), "application/sdp");
  EXPECT_THAT(answer.body, HasSubstr("s=answer"));
  EXPECT_EQ(answer.header.at("location").substr(0, 9), "../peers/");
  wait_until("the session", [&] {
    const HttpAnswer session = server_.get("/api/sessions/one");
    return session.status == 200 && session.json()["state"] == "live";
  });
  EXPECT_EQ(fetch(server_.port(), "DELETE", peer_of(answer)).status, 200);
  await_end("one");
  wait_until("the connection to be forgotten", [&] {  // its process ends a little later
    return fetch(server_.port(), "DELETE", peer_of(answer)).status == 404;
  });
}

TEST_F(WebRtc, TextsChangeTheSession) {
  ASSERT_EQ(exchange("one", "settings").status, 201);
  wait_until("the change", [&] {
    const HttpAnswer session = server_.get("/api/sessions/one");
    return session.status == 200 && session.json()["params"]["seed"] == 77;
  });
}

TEST_F(WebRtc, AnImageBecomesAFrameAlsoBeforeTheStreamIsOpen) {
  server_.fake.open_takes_ms = 200;
  ASSERT_EQ(exchange("one", "image").status, 201);
  wait_until("an image", [&] { return server_.get("/api/image/one").status == 200; });
  EXPECT_TRUE(similar_colors(color_of(server_.get("/api/image/one").body), 0x828282));
}

TEST_F(WebRtc, TheProcessInheritsNothing) {
  ::setenv("SD_TOKEN", "a-secret-token", 1);
  const HttpAnswer answer = exchange("one", "heritage");
  ::unsetenv("SD_TOKEN");
  ASSERT_EQ(answer.status, 201);
  std::string prompt;
  wait_until("what it inherited", [&] {
    const HttpAnswer session = server_.get("/api/sessions/one");
    if (session.status == 200) prompt = session.json()["params"]["prompt"];
    return prompt.ends_with("token");
  });
  EXPECT_EQ(prompt, "0 no token");
}

TEST_F(WebRtc, AProcessThatFailsEndsItsOwnSessionAlone) {
  auto other = server_.connect("other");
  for (const char* task : {"dies", "fails", "early", "garbage"}) {
    const HttpAnswer answer = exchange("one", task);
    EXPECT_EQ(answer.status, 500) << task;
    EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  }
  for (const char* task : {"server", "torn", "left"}) {
    EXPECT_EQ(exchange("one", task).status, 201) << task;
    wait_until("the session to end",
               [&] { return server_.get("/api/sessions/one").status == 404; });
  }
  const HttpAnswer refused = exchange("one", "refuses");
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body, HasSubstr("too strange"));
  other.send_image({{"seq", 1}}, jpeg_of(200, 0, 0));
  EXPECT_TRUE(other.image().has_value());
}

TEST_F(WebRtc, AProcessThatHangsIsKilled) {
  const HttpAnswer answer = exchange("one", "hangs");
  ASSERT_EQ(answer.status, 201);
  EXPECT_EQ(fetch(server_.port(), "DELETE", peer_of(answer)).status, 200);
  await_end("one");
  wait_until("its end",
             [&] { return fetch(server_.port(), "DELETE", peer_of(answer)).status == 404; });
}

TEST_F(WebRtc, AProcessThatStandsStillIsKilledAndItsPlaceIsFree) {
  const Log log;
  ASSERT_EQ(exchange("one", "stops").status, 201);
  await_end("one");
  EXPECT_TRUE(log.has("its process said nothing for 6 s, and was killed"));
}

TEST_F(WebRtc, AProcessThatAnswersStays) {
  const Log log;
  ASSERT_EQ(exchange("one", "plain").status, 201);
  std::this_thread::sleep_for(std::chrono::seconds(8));
  EXPECT_EQ(server_.get("/api/sessions/one").status, 200);
  EXPECT_FALSE(log.has("a WebRTC connection ended"));
}

TEST_F(WebRtc, TheLogSaysHowAProcessEnded) {
  const Log log;
  ASSERT_EQ(exchange("one", "killed").status, 201);
  await_end("one");
  wait_until("the line", [&] { return log.has("its process was ended by signal 9 (Killed)"); });
}

TEST_F(WebRtc, DrainEndsConnections) {
  ASSERT_EQ(exchange("one", "hangs").status, 201);
  server_.drain();
  server_.join();
  EXPECT_TRUE(server_.all_ended());
}

TEST_F(WebRtc, WhatIsNoOfferIsRefused) {
  EXPECT_EQ(server_.post("/api/webrtc/one", offer_of()).status, 415);
  EXPECT_EQ(offer("/api/webrtc/one", "hello").status, 400);
  EXPECT_EQ(offer("/api/webrtc/one", offer_of("recvonly")).status, 422);
  EXPECT_EQ(offer("/api/whip/one", offer_of("recvonly")).status, 422);
  EXPECT_EQ(offer("/api/webrtc/one", offer_of() + std::string(20000, 'a')).status, 413);
  EXPECT_EQ(server_.get("/api/queue").json()["queue_size"], 0);
  EXPECT_EQ(offer("/api/webrtc/one", offer_of("sendrecv", "refuses")).code(), "bad_offer");
  await_end("one");
}

TEST_F(WebRtc, AnIdInUseIsAConflict) {
  auto client = server_.connect("one");
  EXPECT_EQ(exchange("one", "plain").status, 409);
}

TEST_F(WebRtcOfTwoTokens, AnIdIsItsTokensOwn) {
  auto client = WebSocketClient(server_.port(), "/api/ws/one?frames=binary&token=first-token");
  client.await("settings");
  EXPECT_EQ(send("/api/whep/one", "recvonly", "other-token").status, 404);
  EXPECT_EQ(send("/api/whip/one", "sendonly", "first-token").status, 409);
  EXPECT_EQ(send("/api/whip/one", "sendonly", "other-token").status, 201);
  EXPECT_EQ(send("/api/whep/one", "recvonly", "other-token").status, 201);
  EXPECT_EQ(send("/api/webrtc/one", "sendrecv", "other-token").status, 409);
}

TEST_F(WebRtc, MethodsAreThoseOfRfc9725) {
  for (const char* method : {"GET", "HEAD", "PUT"}) {
    EXPECT_EQ(fetch(server_.port(), method, "/api/whip/one").status, 405) << method;
  }
  const HttpAnswer options = fetch(server_.port(), "OPTIONS", "/api/whip/one");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header.at("accept-post"), "application/sdp");
  const std::string peer = peer_of(exchange("one", "plain"));
  EXPECT_EQ(fetch(server_.port(), "PATCH", peer).status, 405);
}

TEST_F(WebRtc, AWatcherSeesAnotherSession) {
  EXPECT_EQ(offer("/api/whep/one", offer_of("recvonly")).status, 404);
  auto client = server_.connect("one");
  const HttpAnswer answer = offer("/api/whep/one", offer_of("recvonly"));
  ASSERT_EQ(answer.status, 201);
  client.send_image({{"seq", 1}}, jpeg_of(200, 0, 0));
  ASSERT_TRUE(client.image().has_value());
  EXPECT_EQ(server_.get("/api/queue").json()["queue_size"], 1);
  EXPECT_EQ(fetch(server_.port(), "DELETE", peer_of(answer)).status, 200);
  wait_until("its end",
             [&] { return fetch(server_.port(), "DELETE", peer_of(answer)).status == 404; });
  client.send_image({{"seq", 2}}, jpeg_of(200, 0, 0));
  EXPECT_TRUE(client.image().has_value());
}

std::string images_by(const char* way) {
  return nlohmann::json{{"type", "images"}, {"by", way}}.dump();
}

TEST_F(WebRtc, BesideAWebSocketTheImagesComeAsTheClientAsks) {
  EXPECT_EQ(offer("/api/video/one", offer_of()).status, 404);
  auto client = server_.connect("one");
  EXPECT_EQ(offer("/api/video/one", offer_of("recvonly")).status, 422);
  const HttpAnswer answer = offer("/api/video/one", offer_of());
  ASSERT_EQ(answer.status, 201);
  EXPECT_EQ(offer("/api/video/one", offer_of()).status, 409);
  EXPECT_EQ(server_.get("/api/queue").json()["queue_size"], 1);
  const auto bytes_of_image = [&](int seq) {
    client.send_image({{"seq", seq}}, jpeg_of(200, 0, 0));
    const auto image = client.image();
    EXPECT_EQ(image->head["seq"], seq);
    return image->bytes.size();
  };
  EXPECT_GT(bytes_of_image(1), 0U);
  client.text(images_by("video"));
  EXPECT_EQ(bytes_of_image(2), 0U);
  client.text(images_by("websocket"));
  EXPECT_GT(bytes_of_image(3), 0U);
  wait_until("the end of the video",
             [&] { return fetch(server_.port(), "DELETE", peer_of(answer)).status == 404; });
  EXPECT_EQ(offer("/api/video/one", offer_of()).status, 201);
}

TEST_F(WebRtc, WhereTheVideoFailsTheWebSocketHasTheImagesAgain) {
  auto client = server_.connect("one");
  client.text(images_by("video"));  // of nothing: no effect
  client.send_image({{"seq", 1}}, jpeg_of(200, 0, 0));
  EXPECT_GT(client.image()->bytes.size(), 0U);
  for (const char* task : {"fails", "left", "killed"}) {
    const int status = offer("/api/video/one", offer_of("sendrecv", task)).status;
    EXPECT_EQ(status, std::string(task) == "fails" ? 500 : 201) << task;
    client.text(images_by("video"));
    wait_until("images by the WebSocket", [&] {
      client.send_image({{"seq", 2}}, jpeg_of(200, 0, 0));
      return !client.image()->bytes.empty();
    });
  }
  EXPECT_EQ(server_.get("/api/sessions/one").json()["state"], "live");
}

TEST_F(WebRtc, AnImageOfTheVideoIsAFrameOfTheWebSocketsSession) {
  auto client = server_.connect("one");
  ASSERT_EQ(offer("/api/video/one", offer_of("sendrecv", "image")).status, 201);
  const auto image = client.image();
  ASSERT_TRUE(image.has_value());
  EXPECT_FALSE(image->head.contains("seq"));
  EXPECT_TRUE(similar_colors(color_of(image->bytes), 0x828282));
}

TEST_F(WebRtc, OnlyTheBinaryProtocolHasVideoBeside) {
  ASSERT_EQ(exchange("one", "plain").status, 201);
  EXPECT_EQ(offer("/api/video/one", offer_of()).status, 409);
}

TEST_F(WebRtc, WatchersAreLimited) {
  auto client = server_.connect("one");
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(offer("/api/whep/one", offer_of("recvonly")).status, 201);
  }
  EXPECT_EQ(offer("/api/whep/one", offer_of("recvonly")).status, 503);
}

TEST(WebRtcLimits, ConnectionsCountAsSessions) {
  server::ServerOptions options = with_peers();
  options.limits.sessions = 1;
  RunningServer server(options);
  const auto offer = [&](const std::string& target, const std::string& sdp) {
    return server.post(target, sdp, {{"Content-Type", "application/sdp"}});
  };
  EXPECT_EQ(offer("/api/whip/one", offer_of("sendonly")).status, 201);
  EXPECT_EQ(offer("/api/whip/two", offer_of("sendonly")).code(), "full");
  EXPECT_EQ(server.get("/api/queue").json()["queue_size"], 1);
}

TEST(WebRtcLimits, TheTokenIsAskedFor) {
  server::ServerOptions options = with_peers();
  options.tokens = {{"open-sesame-1234"}};
  RunningServer server(options);
  const Fields sdp{{"Content-Type", "application/sdp"}};
  EXPECT_EQ(server.post("/api/webrtc/one", offer_of(), sdp).status, 401);
  Fields fields = sdp;
  fields["Authorization"] = "Bearer open-sesame-1234";
  EXPECT_EQ(server.post("/api/webrtc/one", offer_of(), fields).status, 201);
}

TEST(WebRtcLimits, WithoutItsProgramThereIsNone) {
  RunningServer server;
  const Fields sdp{{"Content-Type", "application/sdp"}};
  EXPECT_EQ(server.post("/api/webrtc/one", offer_of(), sdp).status, 501);
  server::ServerOptions options;
  options.webrtc.program = "/nonexistent";
  RunningServer broken(options);
  EXPECT_EQ(broken.post("/api/webrtc/one", offer_of(), sdp).status, 500);
}

}  // namespace
}  // namespace streamdiffusion::testing
