// The WebSocket with binary frames: what one client can do, rightly and wrongly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/running_server.h"

namespace streamdiffusion::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using server::ServerOptions;
using ::testing::HasSubstr;

TEST(Socket, SaysConnectedAndItsSettings) {
  RunningServer server;
  WebSocketClient client(server.port(), "/api/ws/me?frames=binary");
  const auto first = client.receive();
  EXPECT_EQ(first.json(), (json{{"status", "connected"}, {"id", "me"}, {"protocol", 1}}));
  const json settings = client.await("settings");
  EXPECT_EQ(settings["params"]["prompt"], "red apple");
  EXPECT_EQ(settings["reconfiguring"], false);
  EXPECT_EQ(settings["warnings"], json::array());
}

TEST(Socket, AnUnknownKindOfFramesIsRefused) {
  RunningServer server;
  EXPECT_THROW(WebSocketClient(server.port(), "/api/ws/me?frames=Binary"), std::runtime_error);
  const HttpAnswer answer = server.get("/api/ws/me?frames=Binary");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("expected binary"));
}

TEST(Socket, TheHandshakeNamesNoVersions) {
  RunningServer server;
  Wire wire(server.port());
  wire.write(
      "GET /api/ws/me HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_EQ(read_answer(wire).header.at("server"), "streamdiffusion");
}

TEST(Socket, AnImageReturnsWithTheClientsHeader) {
  RunningServer server;
  auto client = server.connect("me");
  client.send_image({{"seq", 17}, {"captured", 81234.5}}, jpeg_of(200, 30, 60));
  const auto image = client.image();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->head["seq"], 17);
  EXPECT_EQ(image->head["captured"], 81234.5);
  EXPECT_EQ(image->head["width"], 64);
  EXPECT_EQ(image->head["reused"], false);
  EXPECT_GT(image->head["age_ms"], 1.0);
  EXPECT_TRUE(similar_colors(color_of(image->bytes), 0xc81e3c));
}

TEST(Socket, ImagesThatNothingFollowsAreToldOnceAndDrawn) {
  RunningServer server;
  auto client = server.connect("me");
  client.text({{"type", "settings"}, {"params", {{"mode", "txt2img"}}}});
  EXPECT_EQ(client.await("settings")["warnings"], json::array());
  client.send_image({}, jpeg_of(1, 2, 3));
  json told;
  do {  // the change of mode is told again once it is in effect
    told = client.await("settings");
  } while (!told.is_null() && told["warnings"].empty());
  EXPECT_EQ(told["warnings"][0]["param"], "mode");
  EXPECT_THAT(told["warnings"][0].value("message", ""), HasSubstr("images of frames"));
  EXPECT_TRUE(client.image());
  client.text({{"type", "settings"}, {"params", {{"mode", "img2img"}}}});
  EXPECT_EQ(client.await("settings")["params"]["mode"], "img2img");
  client.send_image({}, jpeg_of(1, 2, 3));
  EXPECT_TRUE(client.image());
  EXPECT_EQ(server.get("/api/sessions/me").json()["warnings"], json::array());
}

TEST(Socket, WhatIsNoJsonIsABadMessageOrFrame) {
  RunningServer server;
  auto client = server.connect("me");
  client.text(std::string("hello"));
  EXPECT_EQ(client.await("error")["code"], "bad_message");
  client.binary(std::string("\2\0\0\0{x", 6));
  EXPECT_EQ(client.await("error")["code"], "bad_frame");
}

TEST(Socket, TheNewestFrameThatComesBeforeTheStreamIsOpenIsDrawn) {
  RunningServer server;
  server.fake.open_takes_ms = 200;
  WebSocketClient client(server.port(), "/api/ws/me?frames=binary");
  for (int i = 0; i < 3; ++i) client.send_image({{"seq", i}}, jpeg_of(200, 30, 60));
  const auto image = client.image();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->head["seq"], 2);
}

TEST(Socket, WebPAndPngComeInToo) {
  RunningServer server;
  auto client = server.connect("me");
  const HttpAnswer webp = server.post("/api/txt2img", R"({"format": "webp", "jpeg_quality": 95})");
  client.send_image({}, webp.body);
  EXPECT_TRUE(similar_colors(color_of(client.image()->bytes), 0x0ac81e));
  client.send_image({}, png_of(9, 99, 199));
  EXPECT_TRUE(similar_colors(color_of(client.image()->bytes), 0x0963c7));
}

TEST(Socket, SettingsChangeOnlyWhatTheyName) {
  RunningServer server;
  auto client = server.connect("me");
  client.text({{"type", "settings"},
               {"params", {{"prompt", "blue huose"}, {"strength", 0.5}, {"width", 96}}}});
  const json settings = client.await("settings");
  EXPECT_EQ(settings["params"]["prompt_list"], json::array({json::array({"blue huose", 1.0})}));
  EXPECT_EQ(settings["params"]["t_index_list"], (json{24, 37}));
  EXPECT_EQ(settings["params"]["delta"], 1.0);
  EXPECT_EQ(settings["warnings"][0]["word"], "huose");
  EXPECT_EQ(settings["warnings"][0]["near"], (json{"house"}));
  client.send_image({}, jpeg_of(1, 2, 3));
  EXPECT_EQ(client.image()->head["width"], 96);
}

TEST(Socket, AWrongSettingChangesNothing) {
  RunningServer server;
  auto client = server.connect("me");
  client.text({{"type", "settings"}, {"params", {{"prompt", "cat"}, {"delta", "much"}}}});
  const json error = client.await("error");
  EXPECT_EQ(error["param"], "delta");
  EXPECT_EQ(error["fatal"], false);
  EXPECT_THAT(std::string(error["message"]), HasSubstr("string \"much\", expected"));
  client.text({{"type", "settings"}, {"params", {{"seed", 666}}}});  // refused by the stream
  EXPECT_THAT(std::string(client.await("error")["message"]), HasSubstr("refused"));
  client.text({{"type", "settings"}, {"params", json::object()}});
  const json settings = client.await("settings");
  EXPECT_EQ(settings["params"]["prompt"], "red apple");
  EXPECT_EQ(settings["params"]["seed"], 2);
}

TEST(Socket, MalformedMessagesAreAnsweredAndSurvived) {
  RunningServer server;
  auto client = server.connect("me");
  for (const char* text :
       {"", "{", "[]", "{}", "null", R"({"type": "dance"})", R"({"type": 1})",
        R"({"type": "settings"})", R"({"type": "settings", "params": []})",
        R"({"type": "settings", "params": {}, "seed": 1})", R"({"type": "pause", "for": 1})",
        R"({"status": "next_frames"})", R"({"a": 1, "a": 2})"}) {
    client.text(std::string(text));
    EXPECT_EQ(client.await("error")["fatal"], false) << text;
  }
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  client.text(R"({"type": "settings", "params": )" + deep + "}");
  EXPECT_THAT(std::string(client.await("error")["message"]), HasSubstr("nested deeper"));
  for (const std::string& frame :
       {std::string(), std::string("\x01"), std::string("\xff\xff\xff\xff"),
        std::string("\x05\0\0\0{}", 6), std::string("\x02\0\0\0[]", 6),
        std::string("\x02\0\0\0{}", 6), std::string("\x0b\0\0\0{\"seq\": -1}", 15)}) {
    client.binary(frame);
    EXPECT_EQ(client.await("error")["code"], "bad_frame");
  }
  client.send_image({}, "this is no image");
  EXPECT_EQ(client.await("error")["code"], "frame_failed");
  client.send_image({}, jpeg_of(5, 6, 7).substr(0, 300));
  EXPECT_EQ(client.await("error")["code"], "frame_failed");
  client.send_image({{"seq", 1}}, jpeg_of(5, 6, 7));
  EXPECT_TRUE(client.image());
}

TEST(Socket, ABombIsNotDecoded) {
  ServerOptions options;
  options.limits.image_pixels = 10000;
  RunningServer server(options);
  auto client = server.connect("me");
  client.send_image({}, jpeg_of(1, 2, 3, 200, 200));
  EXPECT_THAT(std::string(client.await("error")["message"]), HasSubstr("200x200"));
  std::string scans = jpeg_of(1, 2, 3);
  for (int i = 0; i < 100; ++i) scans += "\xff\xda";
  client.send_image({}, scans);
  EXPECT_THAT(std::string(client.await("error")["message"]), HasSubstr("scans"));
}

TEST(Socket, AnOversizedMessageEndsTheConnection) {
  ServerOptions options;
  options.limits.message_bytes = 5000;
  RunningServer server(options);
  auto client = server.connect("me");
  client.binary(std::string(6000, 'x'));
  EXPECT_EQ(client.close_code(), 1009);
}

TEST(Socket, BrokenFramingEndsTheConnection) {
  RunningServer server;
  auto client = server.connect("me");
  client.wire().write(std::string(20, '\xff'));
  EXPECT_TRUE(client.wire().is_closed(kWaitLimit));
  auto other = server.connect("you");
  other.frame(1, "\xc3\x28");  // no UTF-8
  EXPECT_EQ(other.close_code(), 1007);
  wait_until("the streams to end", [&] { return server.fake.streams == 0; });
}

TEST(Socket, ModeTxt2ImgNeedsNoImage) {
  RunningServer server;
  auto client = server.connect("me");
  client.text({{"type", "settings"}, {"params", {{"mode", "txt2img"}}}});
  const json settings = client.await("settings");
  EXPECT_EQ(settings["params"]["mode"], "txt2img");
  client.send_image({{"seq", 3}}, "");
  const auto image = client.image();
  EXPECT_EQ(image->head["seq"], 3);
  EXPECT_TRUE(similar_colors(color_of(image->bytes), 0x0ac81e));
}

TEST(Socket, AStatementOfTheCountsComesTwiceASecond) {
  RunningServer server;
  auto client = server.connect("me");
  for (int i = 0; i < 5; ++i) {
    client.send_image({}, jpeg_of(i, i, i));
    ASSERT_TRUE(client.image());
  }
  client.await("stats");
  const json stats = client.await("stats");
  EXPECT_EQ(stats["captured"], 5);
  EXPECT_EQ(stats["processed"], 5);
  EXPECT_GT(stats["fps"], 1.0);
  EXPECT_GE(stats["age_ms"]["p99"], stats["age_ms"]["p50"]);
}

TEST(Socket, APauseDropsWhatComesMeanwhile) {
  RunningServer server;
  auto client = server.connect("me");
  client.text({{"type", "pause"}});
  client.send_image({}, jpeg_of(1, 1, 1));
  client.text({{"type", "ack"}});
  client.text({{"type", "resume"}});
  client.send_image({{"seq", 2}}, jpeg_of(2, 2, 2));
  EXPECT_EQ(client.image()->head["seq"], 2);
  EXPECT_EQ(client.await("stats")["dropped"]["paused"], 1);
}

TEST(Socket, ASlowReaderGetsTheNewestAndTheRestIsCounted) {
  ServerOptions options;
  options.limits.requests_per_second = options.limits.messages_per_second = 1e5;
  RunningServer server(options);
  server.fake.frame_ms = 0;
  auto slow = server.connect("slow");
  slow.wire().shrink();
  slow.text({{"type", "settings"},
             {"params", {{"width", 1024}, {"height", 1024}, {"jpeg_quality", 100}}}});
  slow.await("settings");
  const std::string small = noisy_jpeg();
  int seq = 0;
  wait_until("images that were not delivered", [&] {
    slow.send_image({{"seq", seq++}}, small);
    const json stats = server.get("/api/sessions/slow").json()["stats"];
    return stats["dropped"]["undelivered"] > 10;
  });
  std::int64_t last = -1, read = 0;
  while (last < seq - 1) {
    const auto image = slow.image();
    ASSERT_TRUE(image);
    EXPECT_GT(image->head["seq"], last);
    last = image->head["seq"];
    ++read;
  }
  EXPECT_LT(read, seq);
}

TEST(Socket, OneWhoNeverReadsIsCutOff) {
  ServerOptions options;
  options.limits.write = 300ms;
  options.limits.messages_per_second = 1e5;
  RunningServer server(options);
  server.fake.frame_ms = 0;
  auto slow = server.connect("slow");
  slow.wire().shrink();
  slow.text({{"type", "settings"},
             {"params", {{"width", 1024}, {"height", 1024}, {"jpeg_quality", 100}}}});
  const std::string small = noisy_jpeg();
  wait_until("the stream to end", [&] {
    slow.send_image({}, small);
    return server.fake.streams == 0;
  });
}

TEST(Socket, TooManyMessagesEndTheConnection) {
  ServerOptions options;
  options.limits.messages_per_second = 10;
  RunningServer server(options);
  auto client = server.connect("me");
  for (int i = 0; i < 60; ++i) client.text({{"type", "ack"}});
  const json error = client.await("error");
  EXPECT_EQ(error["code"], "too_many_requests");
  EXPECT_EQ(error["fatal"], true);
  EXPECT_EQ(client.close_code(), 1008);
}

}  // namespace
}  // namespace streamdiffusion::testing
