// The protocol of the original real-time demos, and MJPEG.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/running_server.h"

namespace streamdiffusion::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;

/// Sends one frame as a legacy front end does after a frame request.
void send_frame(WebSocketClient& client, const json& params, const std::string& image) {
  client.text({{"status", "next_frame"}});
  client.text(params);
  if (!image.empty()) client.binary(image);
}

/// Header and content of the next part; the boundary behind it is read, too.
std::string read_part(Wire& stream) {
  const auto header = stream.read_until("\r\n\r\n");
  if (!header) return {};
  EXPECT_THAT(*header, HasSubstr("Content-Type: image/jpeg"));
  const std::string name = "Content-Length: ";
  const auto length = std::stoul(header->substr(header->find(name) + name.size()));
  const auto image = stream.read(length);
  EXPECT_EQ(stream.read(11), "\r\n--frame\r\n");
  return image.value_or("");
}

/// The content of the next part that is no repetition of the one before.
std::string read_other_part(Wire& stream, const std::string& before) {
  std::string part = read_part(stream);
  while (!part.empty() && part == before) part = read_part(stream);
  return part;
}

Wire open_stream(const RunningServer& server, const std::string& id) {
  Wire wire(server.port());
  wire.write("GET /api/stream/" + id + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto header = wire.read_until("\r\n\r\n");
  EXPECT_THAT(header.value_or(""), HasSubstr("multipart/x-mixed-replace; boundary=frame"));
  EXPECT_EQ(wire.read_until("--frame\r\n"), "--frame\r\n");
  return wire;
}

TEST(LegacyProtocol, FramesAreSentOnRequestAndReturnAsMjpeg) {
  RunningServer server;
  WebSocketClient client(server.port(), "/api/ws/4f1c0e9a-demo");
  EXPECT_EQ(client.receive().json()["status"], "connected");
  EXPECT_FALSE(client.await("send_frame").is_null());
  Wire stream = open_stream(server, "4f1c0e9a-demo");
  std::string part;
  for (int i = 0; i < 10; ++i) {
    send_frame(client, i == 3 ? json{{"prompt", "cat"}} : json::object(), jpeg_of(20 * i, 9, 9));
    // The part is whole before the next frame is even sent: nobody sees images one late.
    part = read_other_part(stream, part);
    EXPECT_TRUE(similar_colors(color_of(part), static_cast<unsigned>(20 * i) << 16U | 0x0909U));
    ASSERT_FALSE(client.await("send_frame").is_null());
  }
  const json session = server.get("/api/sessions/4f1c0e9a-demo").json();
  EXPECT_EQ(session["params"]["prompt"], "cat");
  EXPECT_GT(session["stats"]["fps"], 0.0);
}

TEST(LegacyProtocol, Txt2ImgSendsNoImage) {
  RunningServer server;
  WebSocketClient client(server.port(), "/api/ws/me");
  client.await("send_frame");
  Wire stream = open_stream(server, "me");
  send_frame(client, {{"mode", "txt2img"}}, {});
  EXPECT_TRUE(similar_colors(color_of(read_part(stream)), 0x0ac81e));
  client.await("send_frame");
  send_frame(client, json::object(), {});
  EXPECT_TRUE(similar_colors(color_of(read_part(stream)), 0x0ac81e));
}

TEST(LegacyProtocol, AWrongMessageIsAnsweredAndTheNextFrameRequested) {
  RunningServer server;
  WebSocketClient client(server.port(), "/api/ws/me");
  client.await("send_frame");
  client.binary("unasked");
  EXPECT_EQ(client.await("error")["code"], "bad_message");
  client.text({{"status", "next_frame"}});
  client.text({{"delta", 101}});
  EXPECT_EQ(client.await("error")["param"], "delta");
  EXPECT_FALSE(client.await("send_frame").is_null());
  send_frame(client, json::object(), "no image");
  EXPECT_EQ(client.await("error")["code"], "frame_failed");
  EXPECT_FALSE(client.await("send_frame").is_null());
}

TEST(LegacyProtocol, WhatComesTwiceOrWithMoreIsRefusedAndTheFrameStillDrawn) {
  RunningServer server;
  WebSocketClient client(server.port(), "/api/ws/me");
  client.await("send_frame");
  client.text({{"status", "next_frame"}, {"prompt", "cat"}});
  EXPECT_THAT(client.await("error").value("message", ""), HasSubstr("prompt"));
  client.text({{"status", "next_frame"}});
  client.text({{"status", "next_frame"}});
  EXPECT_THAT(client.await("error").value("message", ""), HasSubstr("expected parameters"));
  client.text(json::object());
  client.text({{"status", "next_frame"}});
  EXPECT_THAT(client.await("error").value("message", ""), HasSubstr("expected an image"));
  Wire stream = open_stream(server, "me");
  client.binary(jpeg_of(100, 150, 200));
  EXPECT_TRUE(similar_colors(color_of(read_part(stream)), 0x6496c8));
  EXPECT_FALSE(client.await("send_frame").is_null());
}

TEST(LegacyProtocol, ItsMessagesAreNoneOfTheBinaryProtocol) {
  RunningServer server;
  WebSocketClient client = server.connect("me");
  client.text({{"status", "next_frame"}});
  const json error = client.await("error");
  EXPECT_EQ(error["code"], "bad_message");
  EXPECT_THAT(error.value("message", ""), HasSubstr("type"));
}

TEST(LegacyProtocol, ParametersMayComeBetweenFrames) {
  RunningServer server;
  WebSocketClient client(server.port(), "/api/ws/me");
  client.await("send_frame");
  client.text({{"seed", 5}});
  EXPECT_EQ(client.await("settings")["params"]["seed"], 5);
}

TEST(Mjpeg, EndsWithItsSessionAndFollowsBinaryClientsToo) {
  RunningServer server;
  auto client = std::make_unique<WebSocketClient>(server.connect("me"));
  Wire one = open_stream(server, "me"), two = open_stream(server, "me");
  client->send_image({}, jpeg_of(100, 150, 200));
  const std::string part = read_part(one);
  EXPECT_TRUE(similar_colors(color_of(part), 0x6496c8));
  EXPECT_TRUE(similar_colors(color_of(read_part(two)), 0x6496c8));
  two.close();
  client->send_image({}, jpeg_of(1, 2, 3));
  EXPECT_TRUE(similar_colors(color_of(read_other_part(one, part)), 0x010203));
  client.reset();
  EXPECT_TRUE(one.is_closed(kWaitLimit));
}

TEST(Mjpeg, BeginsWithTheNewestImage) {
  RunningServer server;
  auto client = server.connect("me");
  Wire first = open_stream(server, "me");
  client.send_image({}, jpeg_of(100, 150, 200));
  EXPECT_TRUE(similar_colors(color_of(read_part(first)), 0x6496c8));
  Wire later = open_stream(server, "me");
  const std::string part = read_part(later);
  EXPECT_TRUE(similar_colors(color_of(part), 0x6496c8)) << "at rest since";
  client.send_image({}, jpeg_of(1, 2, 3));
  EXPECT_TRUE(similar_colors(color_of(read_other_part(later, part)), 0x010203));
}

TEST(Mjpeg, TheLastImageBeforeARestComesTwice) {
  RunningServer server;
  auto client = server.connect("me");
  Wire stream = open_stream(server, "me");
  std::string part;
  for (const unsigned char red : {100, 50}) {
    client.send_image({}, jpeg_of(red, 150, 200));
    part = read_other_part(stream, part);
    EXPECT_TRUE(similar_colors(color_of(part), red << 16U | 0x96c8U));
    EXPECT_EQ(read_part(stream), part) << "a browser shows a part when it has the next";
  }
}

TEST(Mjpeg, TheNumberOfViewersIsLimited) {
  server::ServerOptions options;
  options.limits.requests_per_second = 10000;
  RunningServer server(options);
  auto client = server.connect("me");
  std::vector<Wire> watchers;
  for (int i = 0; i < 8; ++i) watchers.push_back(open_stream(server, "me"));
  EXPECT_EQ(server.get("/api/stream/me").status, 503);
  watchers.clear();
  wait_until("a place for another one", [&] {
    Wire wire(server.port());
    wire.write("GET /api/stream/me HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string header = wire.read_until("\r\n\r\n").value_or("");
    return header.starts_with("HTTP/1.1 200");
  });
}

}  // namespace
}  // namespace streamdiffusion::testing
