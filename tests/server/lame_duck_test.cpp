// The server has been told to end: sessions go on for a while, and clients are told to move.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/running_server.h"

namespace streamdiffusion::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using server::ServerOptions;

ServerOptions lame_duck(server::Milliseconds time) {
  ServerOptions options;
  options.limits.lame_duck = time;
  return options;
}

TEST(LameDuck, SessionsGoOnAndNewOnesAreRefused) {
  RunningServer server(lame_duck(300s));
  auto client = server.connect("me");
  server.drain();
  EXPECT_EQ(client.await("moving"), (json{{"status", "moving"}, {"after_s", 300.0}}));
  const HttpAnswer ready = server.get("/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_TRUE(ready.header.contains("retry-after"));
  EXPECT_EQ(server.get("/healthz").status, 200);
  WebSocketClient late(server.port(), "/api/ws/late?frames=binary");
  EXPECT_EQ(late.await("error")["code"], "draining");
  EXPECT_EQ(late.close_code(), 1013);
  const HttpAnswer refused = server.post("/api/txt2img", "{}");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.code(), "draining");
  EXPECT_TRUE(refused.header.contains("retry-after"));
  client.send_image({{"seq", 7}}, jpeg_of(1, 2, 3));  // as before
  EXPECT_EQ(client.image()->head["seq"], 7);
  client.text({{"type", "settings"}, {"params", {{"seed", 5}}}});
  EXPECT_EQ(client.await("settings")["params"]["seed"], 5);
  client.wire().close();
  server.join();  // nobody is left, so it ends long before its time
  EXPECT_TRUE(server.all_ended());
}

TEST(LameDuck, AtItsEndSessionsFinishTheirFrames) {
  RunningServer server(lame_duck(200ms));
  server.fake.hold_frames();
  auto client = server.connect("me");
  client.send_image({{"seq", 1}}, jpeg_of(1, 2, 3));
  wait_until("the frame to be in its stream", [&] { return server.fake.frames_begun == 1; });
  server.drain();
  EXPECT_EQ(client.await("moving")["after_s"], 0.2);
  wait_until("the end of the lame duck", [&] { return server.fake.closes > 0; });
  server.fake.release_frames();
  EXPECT_EQ(client.image()->head["seq"], 1);
  EXPECT_EQ(client.close_code(), 1001);
  server.join();
}

TEST(LameDuck, AnOldClientIsToldToo) {
  RunningServer server(lame_duck(300s));
  WebSocketClient client(server.port(), "/api/ws/old");
  client.await("send_frame");
  server.drain();
  EXPECT_EQ(client.await("moving")["after_s"], 300.0);
}

TEST(LameDuck, AClientThatWaitsIsToldAndClosed) {
  ServerOptions options = lame_duck(300s);
  options.limits.sessions = 1;
  RunningServer server(options);
  auto first = server.connect("first");
  WebSocketClient second(server.port(), "/api/ws/second?frames=binary");
  second.await("wait");
  server.drain();
  EXPECT_FALSE(second.await("moving").is_null());
  EXPECT_EQ(second.close_code(), 1001);
  first.wire().close();
  server.join();
}

TEST(LameDuck, WithoutOneTheMessageSaysThatItEndsNow) {
  RunningServer server;
  auto client = server.connect("me");
  server.drain();
  EXPECT_EQ(client.await("moving")["after_s"], 0.0);
  EXPECT_EQ(client.close_code(), 1001);
  server.join();
}

TEST(LameDuck, AClientThatDoesNotAnswerTheCloseIsNotWaitedForLong) {
  RunningServer server;  // which may take ten seconds to end
  const auto client = server.connect("silent");
  const auto began = std::chrono::steady_clock::now();
  server.drain();
  server.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_TRUE(server.all_ended());
}

TEST(LameDuck, WithoutASessionTheServerEndsAtOnce) {
  RunningServer server(lame_duck(300s));
  server.drain();
  server.join();
  EXPECT_TRUE(server.all_ended());
}

}  // namespace
}  // namespace streamdiffusion::testing
