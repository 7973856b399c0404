// What HTTP/1.1 and the WebSocket's handshake ask of every server, whatever its routes (RFC 9110,
// RFC 9112, RFC 6455). The requests are written byte by byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/running_server.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kHost = "Host: localhost\r\n";
const std::string kQueue = "GET /api/queue HTTP/1.1\r\n" + kHost + "\r\n";

HttpAnswer answer_to(const RunningServer& server, const std::string& bytes) {
  Wire wire(server.port());
  wire.write(bytes);
  return read_answer(wire);
}

/// A request of this line, with these fields.
HttpAnswer answer_to(const RunningServer& server, const std::string& line,
                     const std::string& fields) {
  return answer_to(server, line + " HTTP/1.1\r\n" + fields + "\r\n");
}

TEST(HttpSyntax, AnAddressMayHaveSchemeAndHost) {
  RunningServer server;
  for (const char* line : {"GET http://localhost:1/api/queue", "GET HTTPS://127.0.0.1/api/queue",
                           "GET http://localhost", "GET http://localhost?a=1"}) {
    EXPECT_EQ(answer_to(server, line, kHost).status, 200) << line;
  }
  EXPECT_EQ(answer_to(server, "GET http://localhost/api/queue", "Host: evil.example\r\n").status,
            200)
      << "the address counts";
  EXPECT_EQ(answer_to(server, "GET http://evil.example/api/queue", kHost).code(), "forbidden_host");
  EXPECT_EQ(answer_to(server, "GET http://evil.example/api/queue", kHost).status, 403);
  for (const char* line : {"GET http://a:b@localhost/", "GET ftp://localhost/", "GET http:///",
                           "GET localhost/", "CONNECT localhost:443"}) {
    const HttpAnswer answer = answer_to(server, line, kHost);
    EXPECT_EQ(answer.status, 400) << line;
    EXPECT_EQ(answer.code(), "bad_request") << line;
  }
}

TEST(HttpSyntax, AnotherVersionOfHttpIsNamed) {
  RunningServer server;
  for (const std::string version : {"HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/0.9"}) {
    const HttpAnswer answer =
        answer_to(server, "GET /api/queue " + version + "\r\n" + kHost + "\r\n");
    EXPECT_EQ(answer.status, 505) << version;
    EXPECT_EQ(answer.code(), "http_version");
    EXPECT_THAT(answer.body, HasSubstr("is of " + version + ", expected HTTP/1.1"));
  }
  Wire wire(server.port());  // a client that begins with HTTP/2, in two pieces
  wire.write("PRI * HTTP/2.0\r\n\r\nSM");
  wire.write("\r\n\r\n");
  EXPECT_EQ(read_answer(wire).status, 505);
  EXPECT_TRUE(wire.is_closed(std::chrono::seconds(5)));
  Wire without_cr(server.port());
  without_cr.write("GET / HTTP/1.1\nHost: localhost\n\n");
  const HttpAnswer lf_only = read_answer(without_cr);
  EXPECT_EQ(lf_only.status, 400);
  EXPECT_THAT(lf_only.body, HasSubstr("ends in LF alone"));
  for (const char* line : {"GET / HTTP/x.1", "GET / HTTP/1", "GET / HTTP/11", "GET /", "GET"}) {
    const HttpAnswer answer = answer_to(server, std::string(line) + "\r\n" + kHost + "\r\n");
    EXPECT_EQ(answer.status, 400) << line;
  }
}

TEST(HttpSyntax, ThePageOfAWholeAddressIsThatOfItsHost) {
  RunningServer server;
  const std::string target = "GET http://localhost:1/api/queue";
  const std::string host = "Host: localhost:2\r\n";
  EXPECT_EQ(answer_to(server, target, host + "Origin: http://localhost:1\r\n").status, 200);
  EXPECT_EQ(answer_to(server, target, host + "Origin: http://localhost:2\r\n").status, 403);
}

TEST(HttpSyntax, OptionsOfTheWholeServer) {
  RunningServer server;
  const HttpAnswer answer = answer_to(server, "OPTIONS *", kHost);
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header.at("allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  EXPECT_EQ(answer_to(server, "GET *", kHost).status, 400);
  EXPECT_EQ(answer_to(server, "OPTIONS *x", kHost).status, 400);
}

TEST(HttpSyntax, ThereIsOneHost) {
  RunningServer server;
  for (const char* path : {"/api/queue", "/healthz"}) {
    const std::string line = "GET " + std::string(path);
    const HttpAnswer twice = answer_to(server, line, kHost + kHost);
    EXPECT_EQ(twice.status, 400) << path;
    EXPECT_THAT(twice.body, HasSubstr("2 fields Host, expected one"));
    for (const char* host :
         {"evil@localhost", "localhost/x", "a b", "local\"host", "h\xc3\xb6st", "localhost:1x",
          "localhost:1:2", "::1", "[::1", "[::1]1", "localhost:1;Domain=x"}) {
      EXPECT_EQ(answer_to(server, line, "Host: " + std::string(host) + "\r\n").status, 400) << host;
    }
  }
  const HttpAnswer none = answer_to(server, "GET /api/queue", "");
  EXPECT_EQ(none.status, 400);
  EXPECT_THAT(none.body, HasSubstr("no Host"));
}

TEST(HttpSyntax, EmptyLinesBeforeARequestAreSkipped) {
  RunningServer server;
  Wire wire(server.port());
  wire.write("\r\n" + kQueue + "\r\n\r\n" + kQueue + "\r");
  EXPECT_EQ(read_answer(wire).status, 200);
  EXPECT_EQ(read_answer(wire).status, 200);
  wire.write("\n" + kQueue);  // an empty line in two pieces
  EXPECT_EQ(read_answer(wire).status, 200);
  wire.write("\r\n GET / HTTP/1.1\r\n" + kHost + "\r\n");
  EXPECT_EQ(read_answer(wire).status, 400);
  EXPECT_EQ(answer_to(server, "\n" + kQueue).status, 400) << "a line ends with CR and LF";
}

TEST(HttpSyntax, OnlyToGoOnIsExpected) {
  RunningServer server;
  for (const char* value : {"foo", "100-continue, foo", "200-ok"}) {
    const std::string field = "Expect: " + std::string(value) + "\r\n";
    EXPECT_EQ(answer_to(server, "GET /api/queue", kHost + field).code(), "expectation_failed");
    EXPECT_EQ(answer_to(server, "GET /api/queue", kHost + field).status, 417) << value;
  }
  const std::string body = kHost + "Content-Length: 2\r\n";
  for (const char* fields :
       {"Expect: 100-Continue\r\n", "Expect: 100-continue\r\nExpect: 100-continue\r\n"}) {
    EXPECT_EQ(answer_to(server, "POST /api/txt2img", body + fields).status, 100) << fields;
  }
  const HttpAnswer old =
      answer_to(server, "POST /api/txt2img HTTP/1.0\r\n" + body + "Expect: 100-continue\r\n\r\n{}");
  EXPECT_EQ(old.status, 200) << "HTTP/1.0 knows no 100";
}

TEST(HttpSyntax, AWebSocketIsAskedForInFull) {
  RunningServer server;
  const std::string line = "GET /api/ws/me";
  const std::string upgrade = kHost + "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  const std::string version = "Sec-WebSocket-Version: 13\r\n";
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  for (const std::string& fields :
       {kHost, upgrade + key, upgrade + key + "Sec-WebSocket-Version: 8\r\n"}) {
    const HttpAnswer answer = answer_to(server, line, fields);
    EXPECT_EQ(answer.status, 426) << fields;
    EXPECT_EQ(answer.header.at("upgrade"), "websocket");
    EXPECT_THAT(answer.header.at("connection"), AllOf(HasSubstr("pgrade"), HasSubstr("close")));
    EXPECT_EQ(answer.header.at("sec-websocket-version"), "13");
    EXPECT_EQ(answer.code(), "upgrade_required");
  }
  for (const char* wrong : {"x", "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==AAAA",
                            "dGhlIHNhbXBsZSBub25jZTEy", "dGhlIHNhbXBsZSBub25jZQ==, x"}) {
    const HttpAnswer answer = answer_to(
        server, line, upgrade + version + "Sec-WebSocket-Key: " + std::string(wrong) + "\r\n");
    EXPECT_EQ(answer.status, 400) << wrong;
    EXPECT_THAT(answer.body, HasSubstr("expected 16 bytes in base64"));
  }
  EXPECT_EQ(answer_to(server, line, upgrade + version + key + key).status, 400);
  EXPECT_EQ(answer_to(server, line, upgrade + version).status, 400);
  EXPECT_EQ(answer_to(server, line, upgrade + version + key).status, 101);
}

TEST(HttpSyntax, AnAnswerWithoutABodyNamesNoLength) {
  RunningServer server;
  const HttpAnswer options = fetch(server.port(), "OPTIONS", "/api/queue");
  EXPECT_EQ(options.status, 204);
  EXPECT_FALSE(options.header.contains("content-length"));
  const HttpAnswer known = server.get("/", {{"If-None-Match", "*"}});
  EXPECT_EQ(known.status, 304);
  EXPECT_FALSE(known.header.contains("content-length"));
}

TEST(HttpSyntax, ARefusedMethodComesWithThoseThatAreAllowed) {
  RunningServer server;
  for (const char* path : {"/api/ws/me", "/api/stream/me"}) {
    for (const char* method : {"POST", "HEAD", "DELETE", "BREW"}) {
      const HttpAnswer answer = fetch(server.port(), method, path);
      EXPECT_EQ(answer.status, 405) << method << path;
      EXPECT_EQ(answer.header.at("allow"), "GET, OPTIONS") << method << path;
    }
    EXPECT_EQ(fetch(server.port(), "OPTIONS", path).status, 204);
  }
}

}  // namespace
}  // namespace streamdiffusion::testing
