// Host, Origin and token.
#include "server/protocol/access_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "server/running_server.h"

namespace streamdiffusion::testing {
namespace {

using server::ServerOptions;
using ::testing::HasSubstr;

int status(const RunningServer& server, const Fields& fields, const std::string& path = "/") {
  return server.get(path, fields).status;
}

TEST(AccessControl, ForeignHostsAreRefused) {
  RunningServer server;
  for (const char* host :
       {"localhost", "localhost:7860", "LOCALHOST", "127.0.0.1:1", "[::1]:7860", "192.168.0.5"}) {
    EXPECT_EQ(status(server, {{"Host", host}}), 200) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "",
                           "1.2.3.4x", "[evil.com]", "[1.2.3.4]", "[]", "1.2.3", "999.1.1.1"}) {
    EXPECT_EQ(status(server, {{"Host", host}}), 403) << host;
  }
}

TEST(AccessControl, HealthChecksNeedNoHostAndMayHaveAny) {
  RunningServer server;
  for (const auto& [path, expected] :
       {std::pair{"/healthz", 200}, {"/readyz", 200}, {"/api/queue", 400}}) {
    Wire wire(server.port());
    wire.write("GET " + std::string(path) + " HTTP/1.1\r\n\r\n");
    EXPECT_EQ(read_answer(wire).status, expected) << path;
  }
  for (const char* host : {"balancer.example", "10.0.0.1:80", ""}) {
    for (const char* path : {"/healthz", "/readyz"}) {
      for (const char* method : {"GET", "HEAD", "POST"}) {
        Wire wire(server.port());
        wire.write(std::string(method) + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        const bool known = std::string_view(host).starts_with("10.");
        const int status = read_answer(wire, method[0] == 'H').status;
        const int expected = method[0] != 'P' ? 200 : known ? 405 : 403;
        EXPECT_EQ(status, expected) << method << " " << path << " " << host;
      }
    }
    EXPECT_EQ(status(server, {{"Host", host}}, "/metrics"), host[0] == '1' ? 200 : 403) << host;
  }
}

TEST(AccessControl, ForeignOriginsAreRefused) {
  RunningServer server;
  EXPECT_EQ(status(server, {{"Host", "localhost:1"}, {"Origin", "http://localhost:1"}}), 200);
  for (const char* origin :
       {"http://evil.example", "http://localhost:2", "null", "http://localhost:1.evil.example"}) {
    const Fields fields{{"Host", "localhost:1"}, {"Origin", origin}};
    EXPECT_EQ(status(server, fields), 403) << origin;
    EXPECT_THROW(WebSocketClient(server.port(), "/api/ws/a", fields), std::runtime_error);
  }
}

TEST(AccessControl, AnAllowedOriginGetsCorsHeaders) {
  ServerOptions options;
  options.allowed_origins = {"https://example.org"};
  RunningServer server(options);
  const Fields fields{{"Origin", "https://example.org"}};
  const HttpAnswer answer = server.get("/api/queue", fields);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header.at("access-control-allow-origin"), "https://example.org");
  const HttpAnswer preflight = fetch(server.port(), "OPTIONS", "/api/txt2img", {}, fields);
  EXPECT_EQ(preflight.status, 204);
  EXPECT_THAT(preflight.header.at("access-control-allow-methods"), HasSubstr("PATCH"));
  EXPECT_EQ(status(server, {{"Host", "example.org"}}), 200);
  EXPECT_EQ(status(server, {{"Origin", "https://other.example"}}), 403);
}

TEST(AccessControl, ATokenIsRequiredInHeaderCookieOrQuery) {
  ServerOptions options;
  options.tokens = {{"correct-horse"}};
  RunningServer server(options);
  EXPECT_EQ(status(server, {}), 401);
  EXPECT_EQ(status(server, {}, "/api/settings"), 401);
  EXPECT_EQ(status(server, {}, "/metrics"), 401);
  EXPECT_EQ(status(server, {}, "/healthz"), 200);
  EXPECT_EQ(status(server, {}, "/readyz"), 200);
  EXPECT_EQ(status(server, {{"Authorization", "Bearer correct-horse"}}), 200);
  EXPECT_EQ(status(server, {}, "/api/queue?token=correct-horse"), 200);
  for (const char* wrong : {"correct-hors", "correct-horsee", "Correct-horse", "", "correct"}) {
    EXPECT_EQ(status(server, {{"Authorization", std::string("Bearer ") + wrong}}), 401) << wrong;
    EXPECT_EQ(status(server, {}, std::string("/api/queue?token=") + wrong), 401) << wrong;
  }
  EXPECT_THROW(WebSocketClient(server.port(), "/api/ws/a"), std::runtime_error);
  WebSocketClient client(server.port(), "/api/ws/a?token=correct-horse&frames=binary");
  EXPECT_EQ(client.await("connected")["id"], "a");
}

TEST(AccessControl, ABrowserWithoutATokenIsToldInWords) {
  ServerOptions options;
  options.tokens = {{"correct-horse"}};
  RunningServer server(options);
  const Fields browser{{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}};
  for (const char* path : {"/", "/index.html", "/out.html", "/view", "/view/a", "/?token=wrong"}) {
    const HttpAnswer page = server.get(path, browser);
    EXPECT_EQ(page.status, 401) << path;
    EXPECT_EQ(page.header.at("content-type"), "text/html; charset=utf-8") << path;
    EXPECT_EQ(page.header.at("cache-control"), "no-store") << path;
    EXPECT_THAT(page.header.at("content-security-policy"), HasSubstr("default-src 'none'"));
    EXPECT_THAT(page.header.at("www-authenticate"), HasSubstr("Bearer"));
    EXPECT_THAT(page.body, HasSubstr("asks for a token"));
    EXPECT_THAT(page.body, ::testing::Not(HasSubstr("<script")));
  }
  const auto code = [&](const char* path, const Fields& fields) {
    return server.get(path, fields).json()["error"]["code"];
  };
  EXPECT_EQ(code("/api/queue", browser), "unauthorized");
  EXPECT_EQ(code("/main.js", browser), "unauthorized");
  for (const char* accept : {"*/*", "application/json", "text/html;q=0", "text/htmlx", ""}) {
    EXPECT_EQ(code("/", {{"Accept", accept}}), "unauthorized") << accept;
  }
}

TEST(AccessControl, ATokenInTheQueryBecomesACookie) {
  ServerOptions options;
  options.tokens = {{"correct-horse"}};
  RunningServer server(options);
  const HttpAnswer answer = server.get("/?token=correct-horse&lang=d%26e");
  EXPECT_EQ(answer.status, 303);
  EXPECT_EQ(answer.header.at("location"), "./?lang=d%26e");  // relative, for a proxy's prefix
  EXPECT_EQ(server.get("/index.html?token=correct-horse").header.at("location"), "./index.html");
  const std::string cookie = answer.header.at("set-cookie");
  const std::string name = "sd-session-";  // the Host of these requests has no port
  EXPECT_THAT(cookie, ::testing::StartsWith(name + "="));
  EXPECT_THAT(cookie, ::testing::Not(HasSubstr("correct-horse")));
  EXPECT_THAT(cookie, HasSubstr("; Path=/; HttpOnly; SameSite=Strict"));
  EXPECT_THAT(cookie, ::testing::Not(HasSubstr("Secure")));
  const std::string pair = cookie.substr(0, cookie.find(';'));
  const std::string value = pair.substr(pair.find('=') + 1);
  EXPECT_EQ(status(server, {{"Cookie", "a=b; " + pair}}), 200);
  EXPECT_EQ(status(server, {{"Cookie", pair + "0"}}), 401);
  EXPECT_EQ(status(server, {{"Cookie", name + "=correct-horse"}}), 401);
  EXPECT_EQ(status(server, {{"Authorization", "Bearer " + value}}), 401);
}

TEST(AccessControl, AnAddressThatIsHandedOnOpensTheServerAndDoesNotTellTheToken) {
  ServerOptions options;
  options.tokens = {{"correct-horse"}, {"battery-staple"}};
  RunningServer server(options);
  EXPECT_EQ(status(server, {}, "/api/link_token"), 401);
  const std::string cookie = server.get("/?token=battery-staple").header.at("set-cookie");
  const std::string pair = cookie.substr(0, cookie.find(';'));
  const HttpAnswer answer = server.get("/api/link_token", {{"Cookie", pair}});
  EXPECT_EQ(answer.header.at("cache-control"), "no-store");
  const std::string token = answer.json().at("token");
  EXPECT_THAT(token, ::testing::Not(HasSubstr("staple")));
  const HttpAnswer opened = server.get("/out.html?token=" + token);
  EXPECT_EQ(opened.status, 303);
  EXPECT_EQ(opened.header.at("location"), "./out.html");
  EXPECT_EQ(opened.header.at("set-cookie"), cookie) << "the owner's, and as good as the token's";
  EXPECT_EQ(status(server, {}, "/api/queue?token=" + token.substr(1)), 401);
}

TEST(AccessControl, AServerWithoutATokenHandsNoneOn) {
  RunningServer server;
  EXPECT_EQ(server.get("/api/link_token").json().at("token"), "");
}

TEST(AccessControl, AViewLeadsToTheOutputPageOfItsSession) {
  ServerOptions options;
  options.tokens = {{"correct-horse"}};
  RunningServer server(options);
  EXPECT_EQ(status(server, {}, "/view/a-1"), 401);
  const HttpAnswer answer = server.get("/view/a-1?token=correct-horse");
  EXPECT_EQ(answer.status, 303);
  EXPECT_EQ(answer.header.at("location"), "../out.html#a-1");  // relative, for a proxy's prefix
  EXPECT_THAT(answer.header.at("set-cookie"), ::testing::Not(HasSubstr("correct-horse")));
  EXPECT_EQ(server.get("/view/?token=correct-horse").status, 404);
  const HttpAnswer newest = server.get("/view?token=correct-horse");
  EXPECT_EQ(newest.status, 303);
  EXPECT_EQ(newest.header.at("location"), "out.html");
}

TEST(AccessControl, ServersOfOneTokenTakeEachOthersCookies) {
  ServerOptions options, of_another_token;
  options.tokens = {{"correct-horse"}};
  of_another_token.tokens = {{"battery-staple"}};
  RunningServer one(options), two(options), other(of_another_token);
  for (const char* host : {"localhost:7860", "localhost", "[::1]:7860"}) {  // a load balancer's
    const Fields as_seen{{"Host", host}};
    const std::string cookie = one.get("/?token=correct-horse", as_seen).header.at("set-cookie");
    const Fields with_cookie{{"Host", host}, {"Cookie", cookie.substr(0, cookie.find(';'))}};
    EXPECT_EQ(status(one, with_cookie), 200) << host;
    EXPECT_EQ(status(two, with_cookie), 200) << host;
    EXPECT_EQ(status(other, with_cookie), 401) << host;
  }
}

TEST(AccessControl, ThePortOfTheCookiesNameIsANumberOrNone) {
  ServerOptions options;
  options.tokens = {{"correct-horse"}};
  RunningServer server(options);
  const auto cookie_for = [&](const char* host) {
    return server.get("/?token=correct-horse", {{"Host", host}}).header.at("set-cookie");
  };
  EXPECT_THAT(cookie_for("localhost:7860"), ::testing::StartsWith("sd-session-7860="));
  for (const char* host : {"localhost", "localhost:", "[::1]"}) {
    EXPECT_THAT(cookie_for(host), ::testing::StartsWith("sd-session-=")) << host;
  }
}

TEST(AccessControl, TheCookieIsSecureBehindAProxyWithTls) {
  ServerOptions options;
  options.tokens = {{"correct-horse"}};
  options.allowed_origins = {"https://Draw.example.org", "http://plain.example.org"};
  RunningServer server(options);
  const auto cookie_for = [&](const char* host) {
    return server.get("/?token=correct-horse", {{"Host", host}}).header.at("set-cookie");
  };
  const std::string cookie = cookie_for("draw.example.org");
  EXPECT_THAT(cookie, ::testing::StartsWith("__Host-sd-session-"));
  EXPECT_THAT(cookie, ::testing::EndsWith("; Secure"));
  EXPECT_THAT(cookie_for("plain.example.org"), ::testing::Not(HasSubstr("Secure")));
  EXPECT_THAT(cookie_for("localhost"), ::testing::Not(HasSubstr("Secure")));
  const std::string pair = cookie.substr(0, cookie.find(';'));
  EXPECT_EQ(status(server, {{"Host", "draw.example.org"}, {"Cookie", pair}}), 200);
}

TEST(AccessControl, TokensAreComparedWhole) {
  using server::equal_in_constant_time;
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("ab", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abcd", "abc"));
  EXPECT_FALSE(equal_in_constant_time("", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abd", "abc"));
}

TEST(Options, OtherMachinesNeedATokenOrInsecure) {
  const auto refused = [](const ServerOptions& options) {
    try {
      server::check(options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  ServerOptions options;
  EXPECT_EQ(refused(options), "");
  options.host = "0.0.0.0";
  EXPECT_THAT(refused(options), HasSubstr("--token"));
  options.tokens = {{"short"}};
  EXPECT_THAT(refused(options), HasSubstr("--token"));
  options.tokens = {{"long enough"}};
  EXPECT_THAT(refused(options), HasSubstr("A-Z"));
  options.tokens = {{"long-enough"}};
  EXPECT_EQ(refused(options), "");
  options.tokens.clear();
  options.insecure = true;
  EXPECT_EQ(refused(options), "");
  options.key = "key.pem";
  EXPECT_THAT(refused(options), HasSubstr("--cert"));
  options.key.clear();
  options.allowed_origins = {"example.org"};
  EXPECT_THAT(refused(options), HasSubstr("--allow-origin"));
}

}  // namespace
}  // namespace streamdiffusion::testing
