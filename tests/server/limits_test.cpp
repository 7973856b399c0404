// Every limit of HTTP requests and connections, gone over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/http/assets.h"
#include "server/running_server.h"

namespace streamdiffusion::testing {
namespace {

using namespace std::chrono_literals;
using server::ServerOptions;
using ::testing::HasSubstr;

const std::string kHealth = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The statuses of all answers that a server gives to these bytes until it closes the connection.
std::vector<int> statuses(std::uint16_t port, const std::string& bytes) {
  Wire wire(port);
  wire.write(bytes);
  std::vector<int> found;
  while (true) {
    const HttpAnswer answer = read_answer(wire);
    if (answer.status == 0) return found;
    found.push_back(answer.status);
  }
}

std::string post(const std::string& path, const std::string& fields, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n" + body;
}

TEST(Limits, ALargeBodyIsRefusedBeforeItIsRead) {
  ServerOptions options;
  options.limits.message_bytes = 2000;
  RunningServer server(options);
  EXPECT_EQ(server.post("/api/txt2img", std::string(3000, ' ')).status, 413);
  Wire wire(server.port());
  wire.write("POST /api/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n");
  EXPECT_EQ(read_answer(wire).status, 413);
}

TEST(Limits, SlowHeadersAndBodiesAreCutOff) {
  ServerOptions options;
  options.limits.header = 200ms;
  options.limits.body = 200ms;
  options.limits.keep_alive = 200ms;
  RunningServer server(options);
  Wire silent(server.port()), header(server.port()), body(server.port());
  header.write("GET / HT");
  body.write("POST /api/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12");
  EXPECT_TRUE(silent.is_closed(kWaitLimit));
  EXPECT_TRUE(header.is_closed(kWaitLimit));
  EXPECT_TRUE(body.is_closed(kWaitLimit));
}

TEST(Limits, GarbageAndLongHeadersAreAnsweredOrClosed) {
  RunningServer server;
  Wire garbage(server.port());
  garbage.write("\x16\x03\x01 what is this\r\n\r\n");
  EXPECT_THAT(read_answer(garbage).status, ::testing::AnyOf(0, 400));
  Wire loud(server.port());
  loud.write("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(40000, 'x') + "\r\n\r\n");
  const auto too_long = read_answer(loud);
  EXPECT_EQ(too_long.status, 431);
  EXPECT_THAT(too_long.body, ::testing::HasSubstr("longer than 16384 bytes"));
  EXPECT_EQ(server.get("/%zz").status, 400);
  EXPECT_EQ(server.get("/?a=%ff").status, 400);
  EXPECT_EQ(server.get("/healthz").status, 200);
}

TEST(Limits, RequestsOfOneAddressAreCounted) {
  ServerOptions options;
  options.limits.requests_per_second = 1;
  RunningServer server(options);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(server.get("/healthz").status, 200) << "of the burst";
  wait_until("a refusal", [&] { return server.get("/healthz").status == 429; });
  wait_until("a new permission", [&] { return server.get("/healthz").status == 200; });
}

TEST(Limits, OpeningThePageTakesLittleOfTheRequests) {
  ServerOptions options;
  options.limits.requests_per_second = 1;
  RunningServer server(options);
  for (int visitor = 0; visitor < 2; ++visitor) {
    for (const server::Asset& asset : server::assets())
      ASSERT_EQ(server.get(std::string(asset.path)).status, 200) << asset.path;
  }
}

TEST(Limits, GuessesOfATokenCountInFullAtThePageToo) {
  ServerOptions options;
  options.limits.requests_per_second = 1;
  options.tokens = {{"correct-horse"}};
  RunningServer server(options);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(server.get("/?token=wrong").status, 401) << "of the burst";
  wait_until("a refusal", [&] { return server.get("/?token=wrong").status == 429; });
}

TEST(Limits, ConnectionsAreCounted) {
  ServerOptions options;
  options.limits.connections = 2;
  RunningServer server(options);
  Wire first(server.port()), second(server.port());  // let in in this order
  Wire third(server.port());
  third.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_answer(third).code(), "too_many_connections");
  EXPECT_TRUE(third.is_closed(kWaitLimit));
  for (const char* path : {"/healthz", "/readyz"}) {  // a full server is not a dead one
    EXPECT_EQ(server.get(path).status, 200) << path;
  }
  for (Wire* wire : {&first, &second}) {
    wire->write(kHealth);
    EXPECT_EQ(read_answer(*wire).status, 200);
  }
}

TEST(Limits, ConnectionsOfOneAddressAreCounted) {
  ServerOptions options;
  options.limits.connections_per_client = 2;
  RunningServer server(options);
  std::vector<Wire> wires;
  for (int i = 0; i < 20; ++i) wires.emplace_back(server.port());
  // Two are served, the last 16 may ask for health, and those between are closed.
  for (std::size_t i = 2; i < 4; ++i) EXPECT_TRUE(wires[i].is_closed(kWaitLimit)) << i;
  EXPECT_EQ(server.get("/healthz").status, 200);  // silent ones make room
  wires[0].write("GET /api/queue HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_answer(wires[0]).status, 200);
  wires[19].write("GET /api/queue HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_answer(wires[19]).status, 503);
}

TEST(Limits, TheFirstRequestHasLessTimeThanTheNext) {
  ServerOptions options;
  options.limits.header = 200ms;
  RunningServer server(options);
  Wire silent(server.port()), used(server.port());
  used.write(kHealth);
  EXPECT_EQ(read_answer(used).status, 200);
  EXPECT_TRUE(silent.is_closed(kWaitLimit));
  used.write(kHealth);
  EXPECT_EQ(read_answer(used).status, 200);
}

TEST(Limits, ABodyIsReadOnlyWhereTheRouteTakesOne) {
  ServerOptions options;
  options.tokens = {{"correct-horse"}};
  RunningServer server(options);
  const std::string long_body = "Content-Length: 8000000\r\n";  // none of it is sent
  const std::string token = "Authorization: Bearer correct-horse\r\n";
  EXPECT_EQ(statuses(server.port(), post("/api/txt2img", long_body, "")), std::vector{401});
  EXPECT_EQ(statuses(server.port(), post("/healthz", long_body, "")), std::vector{401});
  EXPECT_EQ(statuses(server.port(), post("/nothing", token + long_body, "")), std::vector{404});
  EXPECT_EQ(statuses(server.port(), post("/api/txt2img", token + long_body, "")), std::vector{413});
  const std::string head = " HTTP/1.1\r\nHost: localhost\r\n" + token;
  for (const char* start : {"GET /healthz", "GET /api/queue", "GET /", "DELETE /api/sessions/a",
                            "GET /api/stream/a", "GET /api/ws/a"}) {
    EXPECT_EQ(statuses(server.port(), start + head + long_body + "\r\n"), std::vector{413})
        << start;
  }
  EXPECT_EQ(statuses(server.port(), "OPTIONS /api/txt2img" + head + long_body + "\r\n"),
            std::vector{204});
  const std::string chunks = "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n";
  EXPECT_EQ(statuses(server.port(), "GET /healthz" + head + chunks), std::vector{413});
}

TEST(Limits, ParametersAreSmallerThanImages) {
  ServerOptions options;
  options.limits.json_bytes = 1000;
  RunningServer server(options);
  const std::string long_prompt = R"({"prompt": ")" + std::string(2000, 'a') + R"("})";
  EXPECT_EQ(server.post("/api/txt2img", long_prompt).status, 413);
  EXPECT_EQ(fetch(server.port(), "PATCH", "/api/sessions/a", long_prompt).status, 413);
  EXPECT_EQ(server.post("/api/img2img", long_prompt).status, 400);  // read: it has no image
  auto client = server.connect("me");
  client.text(R"({"type": "settings", "params": )" + long_prompt + "}");
  EXPECT_THAT(std::string(client.await("error")["message"]), HasSubstr("expected at most 1000"));
  client.text({{"type", "settings"}, {"params", {{"prompt", "cat"}}}});
  EXPECT_FALSE(client.await("settings").is_null());
}

TEST(Limits, ALongTextCountsAsManyMessages) {
  ServerOptions options;
  options.limits.messages_per_second = 20;
  RunningServer server(options);
  auto client = server.connect("me");
  const std::string text =
      R"({"type": "settings", "params": {"prompt": ")" + std::string(80000, ' ') + R"("}})";
  for (int i = 0; i < 5; ++i) client.text(text);
  EXPECT_EQ(client.await("error")["param"], "prompt");
  EXPECT_EQ(client.close_code(), 1008);
}

TEST(Limits, ViewersOfOneSessionAreCounted) {
  RunningServer server;
  auto client = server.connect("me");
  std::vector<Wire> viewers;
  for (int i = 0; i < 8; ++i) {
    viewers.emplace_back(server.port());
    viewers.back().write("GET /api/stream/me HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(read_answer(viewers.back()).status, 200);
  }
  EXPECT_EQ(server.get("/api/stream/me").code(), "full");
  viewers.pop_back();
  wait_until("a viewer to be let in", [&] {
    Wire next(server.port());
    next.write("GET /api/stream/me HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return read_answer(next).status == 200;
  });
}

TEST(Framing, OnlyChunkedIsATransferEncoding) {
  RunningServer server;
  for (const char* coding :
       {"gzip", "xchunked", "chunked, identity", "identity", "gzip, chunked", ""}) {
    const std::string field = "Transfer-Encoding: " + std::string(coding) + "\r\n";
    EXPECT_EQ(statuses(server.port(), post("/api/txt2img", field, kHealth)), std::vector{501})
        << coding;
  }
  const std::string chunked = "Transfer-Encoding: Chunked\r\nConnection: close\r\n";
  EXPECT_EQ(statuses(server.port(), post("/api/txt2img", chunked, "2\r\n{}\r\n0\r\n\r\n")),
            std::vector{200});
  EXPECT_EQ(statuses(server.port(),
                     "POST /api/txt2img HTTP/1.0\r\nHost: localhost\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            std::vector{400});
  const std::string twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
  EXPECT_EQ(statuses(server.port(), post("/api/txt2img", twice, kHealth)), std::vector{400});
  const std::string both = "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n";
  EXPECT_EQ(statuses(server.port(), post("/api/txt2img", both, "0\r\n\r\n" + kHealth)),
            std::vector{400});
}

TEST(Framing, AMalformedChunkIsAnswered) {
  RunningServer server;
  for (const char* chunks : {"fffffffffffffffff\r\n", "-1\r\n", "2\r\n{}XX0\r\n\r\n"}) {
    EXPECT_EQ(
        statuses(server.port(), post("/api/txt2img", "Transfer-Encoding: chunked\r\n", chunks)),
        std::vector{400})
        << chunks;
  }
}

TEST(Framing, LinesOfAChunkedBodyAreLimitedAsTheirContentIs) {
  RunningServer server;
  const std::string much(1000000, '0'), field = "Transfer-Encoding: chunked\r\n";
  for (const std::string& chunks : {"2;" + much, much, "2\r\n{}\r\n0\r\nX: " + much}) {
    Wire wire(server.port());
    wire.write(post("/api/txt2img", field, chunks));
    const HttpAnswer answer = read_answer(wire);
    EXPECT_EQ(answer.status, 400) << chunks.substr(0, 10);
    EXPECT_NE(answer.body.find("too long"), std::string::npos) << answer.body;
  }
  const std::string small = "2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n", close = "Connection: close\r\n";
  EXPECT_EQ(statuses(server.port(), post("/api/txt2img", field + close, small)), std::vector{200});
}

TEST(Framing, AFieldIsOneLine) {
  RunningServer server;
  for (const char* field : {"X: a\r\n b\r\n", "X: a\r\n\tb\r\n", "X: a\r\n \r\n", " X: a\r\n"}) {
    EXPECT_EQ(statuses(server.port(), std::string("GET /healthz HTTP/1.1\r\nHost: localhost\r\n") +
                                          field + "\r\n"),
              std::vector{400})
        << field;
  }
  Wire slow(server.port());  // in pieces
  slow.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r\n");
  EXPECT_EQ(server.get("/healthz").status, 200);
  slow.write(" b\r\n\r\n");
  EXPECT_EQ(read_answer(slow).status, 400);
}

TEST(Framing, ABodyMayLookLikeAFoldedLine) {
  RunningServer server;
  const std::string body = "\r\n {\r\n\t}\r\n";
  EXPECT_EQ(server.post("/api/txt2img", body).status, 200);
}

}  // namespace
}  // namespace streamdiffusion::testing
