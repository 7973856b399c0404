// The HTTP routes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "server/http/api.h"
#include "server/http/assets.h"
#include "server/running_server.h"

namespace streamdiffusion::testing {
namespace {

using namespace std::chrono_literals;
using server::ServerOptions;
using ::testing::HasSubstr;

const std::string kTextToImage =
    "POST /api/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";

TEST(Page, ComesWithAStrictPolicyAndIsRevalidated) {
  RunningServer server;
  const HttpAnswer page = server.get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header.at("content-type"), "text/html; charset=utf-8");
  EXPECT_THAT(page.header.at("content-security-policy"), HasSubstr("default-src 'self'"));
  EXPECT_THAT(page.header.at("content-security-policy"), HasSubstr("frame-ancestors 'none'"));
  EXPECT_EQ(page.header.at("x-content-type-options"), "nosniff");
  EXPECT_THAT(page.body, HasSubstr("<html"));
  const HttpAnswer again = server.get("/", {{"If-None-Match", page.header.at("etag")}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(fetch(server.port(), "HEAD", "/").header.at("content-length"),
            std::to_string(page.body.size()));
}

TEST(Image, IsTheNewestOneOfASessionOrOfAll) {
  RunningServer server;
  EXPECT_EQ(server.get("/api/image").code(), "no_image");
  EXPECT_EQ(server.get("/api/image/one").code(), "not_found");
  auto one = server.connect("one"), two = server.connect("two");
  EXPECT_EQ(server.get("/api/image/one").code(), "no_image");
  one.send_image({}, jpeg_of(220, 20, 20));
  ASSERT_TRUE(one.image());
  two.send_image({}, jpeg_of(20, 20, 220));
  ASSERT_TRUE(two.image());
  const HttpAnswer red = server.get("/api/image/one"), newest = server.get("/api/image");
  EXPECT_EQ(red.header.at("content-type"), "image/jpeg");
  EXPECT_TRUE(similar_colors(color_of(red.body), 0xdc1414));
  EXPECT_TRUE(similar_colors(color_of(newest.body), 0x1414dc));
  const Fields known{{"If-None-Match", red.header.at("etag")}};
  EXPECT_EQ(server.get("/api/image/one", known).status, 304);
  EXPECT_EQ(server.get("/api/image", known).status, 200) << "another one is newer";
  EXPECT_EQ(server.get("/api/image", {{"If-None-Match", "*"}}).status, 304);
  EXPECT_EQ(red.header.at("cache-control"), "private, no-cache");
  EXPECT_EQ(red.header.at("cross-origin-resource-policy"), "same-origin");
  EXPECT_EQ(server.get("/api/image/one", {{"Origin", "http://evil.example"}}).status, 403);
  const HttpAnswer head = fetch(server.port(), "HEAD", "/api/image/one");
  EXPECT_EQ(head.header.at("content-length"), std::to_string(red.body.size()));
  EXPECT_EQ(head.body, "");
  const HttpAnswer posted = server.post("/api/image/one", "");
  EXPECT_EQ(posted.status, 405);
  EXPECT_EQ(posted.header.at("allow"), "GET, HEAD, OPTIONS");
}

TEST(Page, NamesOnlyRelativeAddresses) {  // a proxy may serve it under a path prefix
  const std::regex absolute(
      R"((href|src|action)="/|(import|from) "/|(fetch|URL|WebSocket|Worker)\(["'`]/|url\(["']?/)");
  for (const server::Asset& asset : server::assets()) {
    const std::string text(asset.bytes);
    std::smatch found;
    EXPECT_FALSE(std::regex_search(text, found, absolute)) << asset.path << ": " << found.str();
  }
}

TEST(Page, NoPathReachesTheFileSystem) {
  RunningServer server;
  for (const char* path : {"/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/index.html/",
                           "//etc/passwd", "/api/../index.html", "/index.html%00.js"}) {
    EXPECT_THAT(server.get(path).status, ::testing::AnyOf(400, 404)) << path;
  }
}

TEST(Routes, SettingsHaveTheSchemaOfEveryParameter) {
  RunningServer server;
  const auto settings = server.get("/api/settings").json();
  const auto& properties = settings["input_params"]["properties"];
  EXPECT_EQ(settings["params"].size(), properties.size());
  for (const auto& [name, schema] : properties.items()) {
    EXPECT_TRUE(schema.contains("title") && schema.contains("description") &&
                schema.contains("default") && schema.contains("type"))
        << name;
    EXPECT_EQ(schema["default"], settings["params"][name]) << name;
  }
  EXPECT_EQ(settings["info"]["model"], "fake");
  EXPECT_EQ(settings["concepts"].size(), 3U);
  EXPECT_TRUE(settings["page"].is_object());
  EXPECT_EQ(settings["params"]["t_index_list"], (nlohmann::json{18, 32}));
}

TEST(Routes, SaySoWhenThereIsNoneOrNotThisMethod) {
  RunningServer server;
  EXPECT_EQ(server.get("/nothing").code(), "not_found");
  EXPECT_EQ(server.get("/api/sessions/nobody").status, 404);
  EXPECT_EQ(server.get("/api/stream/nobody").status, 404);
  const HttpAnswer answer = server.post("/api/queue", "");
  EXPECT_EQ(answer.status, 405);
  EXPECT_THAT(answer.header.at("allow"), HasSubstr("GET"));
  EXPECT_EQ(server.get("/api/ws/me").status, 426);
  EXPECT_EQ(server.get("/api/ws/not%20an%20id").status, 400);
}

TEST(Routes, RefuseWhatTheyDoNotKnowInTheQueryByName) {
  RunningServer server;
  const WebSocketClient client = server.connect("me");
  const std::string image = png_of(1, 2, 3);
  for (const server::Route& route : server::Api::routes()) {
    const std::string path(route.path.substr(0, route.path.find('{')));
    const std::string target = path + (path.size() < route.path.size() ? "me" : "");
    const bool picture = route.body == server::RequestBody::image_to_image;
    const Fields fields = picture ? Fields{{"Content-Type", "image/png"}} : Fields{};
    const std::string body = picture ? image : route.body == server::RequestBody::none ? "" : "{}";
    const HttpAnswer answer = fetch(server.port(), std::string(route.method),
                                    target + "?token=any&bogus=1", body, fields);
    EXPECT_EQ(answer.status, 400) << target;
    EXPECT_EQ(answer.json()["error"].value("param", ""), "bogus") << answer.body;
  }
  const HttpAnswer socket = server.get("/api/ws/you?frames=binary&bogus=1");
  EXPECT_THAT(socket.body, HasSubstr("expected only frames, token"));
  EXPECT_EQ(server.get("/?bogus=1").status, 200) << "of the page, which has no use for any";
  EXPECT_EQ(fetch(server.port(), "OPTIONS", "/api/queue?bogus=1").status, 204);
  EXPECT_EQ(server.get("/api/queue?token=any").status, 200);
}

TEST(Routes, DescribeThemselves) {
  RunningServer server;
  const auto description = server.get("/api/openapi.json").json();
  EXPECT_EQ(description["openapi"], "3.1.0");
  for (const server::Route& route : server::Api::routes()) {
    const std::string path(route.path);
    std::string method;
    for (const char c : route.method) method.push_back(static_cast<char>(c - 'A' + 'a'));
    ASSERT_TRUE(description["paths"].contains(path)) << path;
    const auto& operation = description["paths"][path][method];
    EXPECT_FALSE(operation.value("summary", "").empty()) << method << path;
    EXPECT_TRUE(operation["responses"].contains(std::to_string(route.status))) << method << path;
    const bool parameters = path.ends_with("{id}") || !route.query.empty();
    EXPECT_EQ(operation.contains("parameters"), parameters) << method << path;
    EXPECT_EQ(operation.contains("requestBody"),
              method == "post" || method == "put" || method == "patch")
        << path;
  }
  const auto& paths = description["paths"];
  EXPECT_EQ(paths["/api/sessions/{id}"].size(), 3U);
  EXPECT_TRUE(paths["/api/ws/{id}"]["get"]["responses"].contains("101"));
  EXPECT_TRUE(paths["/api/stream/{id}"]["get"]["responses"]["200"]["content"].contains(
      "multipart/x-mixed-replace"));
  EXPECT_TRUE(paths["/api/txt2img"]["post"]["responses"]["200"]["content"].contains("image/webp"));
  EXPECT_TRUE(description["components"]["schemas"]["Parameters"]["properties"].contains("delta"));
}

TEST(Routes, HealthQueueAndMetricsAnswer) {
  RunningServer server;
  EXPECT_EQ(server.get("/healthz").status, 200);
  EXPECT_EQ(server.get("/readyz").status, 200);
  EXPECT_EQ(server.get("/api/queue").json()["queue_size"], 0);
  const HttpAnswer metrics = server.get("/metrics");
  for (const char* name :
       {"streamdiffusion_stage_seconds_bucket{stage=\"engine\"",
        "streamdiffusion_age_seconds_count",
        "streamdiffusion_dropped_frames_total{cause=\"waiting\"}",
        "streamdiffusion_sessions{state=\"active\"}", "streamdiffusion_images_per_second",
        "streamdiffusion_http_requests_total{route=\"/healthz\",status=\"200\"} 1"}) {
    EXPECT_THAT(metrics.body, HasSubstr(name));
  }
}

TEST(ImageRequest, GeneratesFromAPromptInEveryFormat) {
  RunningServer server;
  for (const char* format : {"jpeg", "png", "webp"}) {
    const HttpAnswer answer = server.post(
        "/api/txt2img", R"({"prompt": "red apple", "format": ")" + std::string(format) + "\"}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.header.at("content-type"), std::string("image/") + format);
    EXPECT_TRUE(similar_colors(color_of(answer.body), 0x0ac81e))
        << std::hex << color_of(answer.body);
  }
}

TEST(ImageRequest, TakesAnImageInBase64OrAsTheBody) {
  RunningServer server;
  const std::string image = png_of(200, 100, 50);
  const HttpAnswer coded = server.post(
      "/api/img2img", nlohmann::json{{"image", base64(image)}, {"format", "png"}}.dump());
  EXPECT_EQ(coded.status, 200) << coded.body;
  EXPECT_EQ(color_of(coded.body), 0xc86432U);
  const HttpAnswer plain = server.post("/api/img2img?prompt=a+cat&seed=4&format=png&strength=0.5",
                                       image, {{"Content-Type", "image/png"}});
  EXPECT_EQ(plain.status, 200) << plain.body;
  EXPECT_EQ(color_of(plain.body), 0xc86432U);
}

TEST(ImageRequest, SaysWhatIsWrongWithARequest) {
  RunningServer server;
  const auto param = [&](const std::string& body) {
    const HttpAnswer answer = server.post("/api/txt2img", body);
    EXPECT_EQ(answer.status, 400) << answer.body;
    return answer.json()["error"].value("param", "");
  };
  EXPECT_EQ(param(R"({"delta": 101})"), "delta");
  EXPECT_EQ(param(R"({"colour": 1})"), "colour");
  EXPECT_EQ(param(R"({"width": 100})"), "width");
  EXPECT_EQ(param(R"({"width": 4096})"), "width");
  EXPECT_EQ(param(R"({"format": "bmp"})"), "format");
  EXPECT_EQ(param(R"({"mode": "img2img"})"), "mode");
  EXPECT_EQ(param(R"({"seed": 1)"), "");
  EXPECT_EQ(param(R"([])"), "");
  EXPECT_EQ(param(R"({"seed": 666})"), "");  // refused by the stream factory
  EXPECT_EQ(server.post("/api/txt2img", "x", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(server.post("/api/img2img", R"({"image": "!!"})").json()["error"]["param"], "image");
  EXPECT_EQ(server.post("/api/img2img", "no image", {{"Content-Type", "image/png"}}).status, 415);
  EXPECT_EQ(server.get("/api/queue").json()["queue_size"], 0);  // no slot is lost
  const HttpAnswer cut = server.post("/api/img2img", jpeg_of(200, 100, 50).substr(0, 200),
                                     {{"Content-Type", "image/jpeg"}});
  EXPECT_EQ(cut.status, 415) << "as garbage is";
  EXPECT_EQ(cut.json()["error"]["code"], "bad_image");
}

TEST(ImageRequest, NothingOfARequestIsPassedOver) {
  RunningServer server;
  const HttpAnswer query = server.post("/api/txt2img?seed=5", "{}");
  EXPECT_EQ(query.status, 400);
  EXPECT_THAT(query.body, HasSubstr("the address has \\\"seed\\\", expected it in the body"));
  const HttpAnswer image = server.post("/api/txt2img", R"({"image": "AAAA"})");
  EXPECT_EQ(image.status, 400);
  EXPECT_THAT(image.body, HasSubstr("/api/img2img follows one"));
  EXPECT_EQ(server.post("/api/txt2img", "{}", {{"Content-Encoding", "gzip"}}).status, 415);
  EXPECT_EQ(server.post("/api/txt2img", "{}", {{"Content-Encoding", "identity"}}).status, 200);
}

TEST(ImageRequest, AnImageOfTooManyPixelsIsNotDecoded) {
  ServerOptions options;
  options.limits.image_pixels = 10000;
  RunningServer server(options);
  const HttpAnswer answer =
      server.post("/api/img2img", jpeg_of(1, 2, 3, 200, 100), {{"Content-Type", "image/jpeg"}});
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("200x100"));
}

TEST(ImageRequest, IsRefusedWhenAllSlotsAreInUse) {
  ServerOptions options;
  options.limits.sessions = 1;
  RunningServer server(options);
  auto client = server.connect("a");
  const HttpAnswer answer = server.post("/api/txt2img", "{}");
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.header.contains("retry-after"));
}

TEST(ImageRequest, DoesNotOccupyTheWorkersThatOpenAndEndSessions) {
  ServerOptions options;
  options.limits.sessions = 20;
  RunningServer server(options);
  server.fake.hold_frames();
  std::vector<Wire> posts;
  for (int i = 0; i < 12; ++i) {
    posts.emplace_back(server.port());
    posts.back().write(kTextToImage);
  }
  wait_until("all images to be in flight", [&] { return server.fake.frames_begun == 12; });
  auto first = std::make_unique<WebSocketClient>(server.connect("first"));
  first.reset();
  wait_until("its stream to end", [&] { return server.fake.streams == 12; });
  server.fake.release_frames();
  for (Wire& post : posts) EXPECT_EQ(read_answer(post).status, 200);
}

TEST(ImageRequest, IsGivenUpWhenItsClientLeaves) {
  RunningServer server;
  server.fake.hold_frames();
  {
    Wire post(server.port());
    post.write(kTextToImage);
    wait_until("the image to be in flight", [&] { return server.fake.frames_begun == 1; });
  }
  wait_until("its stream to be halted", [&] { return server.fake.halts == 1; });
  server.fake.release_frames();
  wait_until("its slot to be free",
             [&] { return server.get("/api/queue").json()["queue_size"] == 0; });
}

TEST(ImageRequest, HasADeadline) {
  ServerOptions options;
  options.limits.request = 100ms;
  RunningServer server(options);
  server.fake.hold_frames();
  const HttpAnswer answer = server.post("/api/txt2img", "{}");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.code(), "timeout");
  EXPECT_EQ(server.fake.halts, 1);
}

TEST(ImageRequest, IsAnsweredWhenTheServerEnds) {
  ServerOptions options;
  options.limits.drain = 500ms;
  RunningServer server(options);
  server.fake.hold_frames();
  Wire post(server.port());
  post.write(kTextToImage);
  wait_until("the image to be in flight", [&] { return server.fake.frames_begun == 1; });
  server.drain();
  EXPECT_EQ(read_answer(post).code(), "draining");
  server.join();
  EXPECT_FALSE(server.all_ended());  // the frame is still held
}

TEST(KeepAlive, SeveralRequestsOnOneConnection) {
  RunningServer server;
  Wire wire(server.port());
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  wire.write(request + request);
  EXPECT_EQ(read_answer(wire).status, 200);
  EXPECT_EQ(read_answer(wire).status, 200);
  wire.write(request);
  EXPECT_EQ(read_answer(wire).status, 200);
}

TEST(Routes, TakeAsAnIdAllThatFollowsThem) {
  RunningServer server;
  for (const char* path : {"/api/ws/../x", "/api/ws/a/b", "/api/ws/..%2fx", "/api/stream/a/b"}) {
    const auto answer = server.get(path);
    EXPECT_EQ(answer.status, 400) << path;
    EXPECT_EQ(answer.json()["error"]["code"], "bad_request") << path;
  }
}

}  // namespace
}  // namespace streamdiffusion::testing
