// What needs no socket: who counts as one client, and what a request may look like.
#include "server/protocol/request_rules.h"

#include <gtest/gtest.h>

#include "server/protocol/client_network.h"
#include "server/protocol/connection_limiter.h"
#include "server/protocol/rate_limiter.h"

namespace streamdiffusion::server {
namespace {

TEST(ClientNetwork, IsAnAddressOrANetworkOfIpv6) {
  EXPECT_EQ(client_network("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client_network("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client_network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(client_network("2001:db8:1:2::1"), client_network("2001:db8:1:2:ffff::"));
  EXPECT_NE(client_network("2001:db8:1:2::1"), client_network("2001:db8:1:3::1"));
  EXPECT_EQ(client_network("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(client_network("?"), "?");
}

TEST(ClientNetwork, KnowsAddresses) {
  for (const char* text : {"192.0.2.1", "::1", "2001:db8::1"}) EXPECT_TRUE(is_ip_address(text));
  for (const char* text : {"", "evil.com", "1.2.3", "1.2.3.4.5", "256.1.1.1", "[::1]", ":::"}) {
    EXPECT_FALSE(is_ip_address(text)) << text;
  }
}

TEST(ConnectionLimiter, CountsInAllAndForEachClient) {
  ConnectionLimiter limiter(3, 2);
  EXPECT_TRUE(limiter.enter("a"));
  EXPECT_TRUE(limiter.enter("a"));
  EXPECT_FALSE(limiter.enter("a"));
  EXPECT_TRUE(limiter.enter("b"));
  EXPECT_FALSE(limiter.enter("b"));
  EXPECT_FALSE(limiter.enter("c"));
  limiter.leave("a");
  EXPECT_TRUE(limiter.enter("c"));
}

TEST(RateLimiter, ForgetsTheClientThatCameLongestAgo) {
  const auto now = base::Clock::now();
  RateLimiter limiter(1);
  const auto exhaust = [&](const std::string& client) {
    while (limiter.take(client, 1, now)) {
    }
  };
  exhaust("first");
  exhaust("second");
  for (std::size_t i = 0; i < RateLimiter::kMaxClients - 1; ++i) {
    EXPECT_FALSE(limiter.take("first", 1, now));  // stays, because it comes again
    EXPECT_TRUE(limiter.take(std::to_string(i), 1, now));
  }
  EXPECT_EQ(limiter.clients(), RateLimiter::kMaxClients);
  EXPECT_FALSE(limiter.take("first", 1, now));
  EXPECT_TRUE(limiter.take("second", 1, now));
}

TEST(TokenBucket, TakesMoreThanItHoldsFromAFullOne) {
  const auto now = base::Clock::now();
  TokenBucket bucket(10, 20);
  EXPECT_TRUE(bucket.take(50, now));
  EXPECT_FALSE(bucket.take(1, now + std::chrono::seconds(3)));
  EXPECT_TRUE(bucket.take(1, now + std::chrono::seconds(4)));
}

TEST(RequestRules, FindFoldedLinesInTheHeadOnly) {
  EXPECT_NO_THROW(check_lines("GET / HTTP/1.1\r\nX: a b\r\n\r\n folded"));
  EXPECT_NO_THROW(check_lines("GET / HTTP/1.1\r\nX: a"));
  EXPECT_THROW(check_lines("GET / HTTP/1.1\r\nX: a\r\n b"), HttpError);
  EXPECT_THROW(check_lines("GET / HTTP/1.1\nX: a\n\tb"), HttpError);
}

TEST(RequestRules, ABodyIsPlainJsonOrAnImage) {
  const auto status = [](const std::string& field, const std::string& value, bool images) {
    Request request;
    request.header[field] = value;
    try {
      check_media_type(request, images);
      return 200;
    } catch (const HttpError& http_error) {
      return http_error.status();
    }
  };
  for (const char* type :
       {"", "application/json", "application/json; charset=utf-8", "application/json;charset=UTF8",
        "application/json; a=b; Charset=\"UTF-8\"", "application/json\t;", "application/json; c=x"})
    EXPECT_EQ(status("content-type", type, false), 200) << type;
  for (const char* type :
       {"application/json; charset=utf-16", "application/json;charset=latin1",
        "application/json; a=b ; CHARSET=\"iso-8859-1\"", "application/json; charset=utf-8, x"})
    EXPECT_EQ(status("content-type", type, true), 415) << type;
  for (const char* type : {"text/plain", "application/jsonp", "application/x-www-form-urlencoded"})
    EXPECT_EQ(status("content-type", type, true), 415) << type;
  EXPECT_EQ(status("content-type", "image/png", true), 200);
  EXPECT_EQ(status("content-type", "Image/PNG", true), 200);
  EXPECT_EQ(status("content-type", "APPLICATION/Json; Charset=utf-8", false), 200);
  EXPECT_EQ(status("content-type", "image/png", false), 415);
  EXPECT_EQ(status("content-encoding", "identity", false), 200);
  EXPECT_EQ(status("content-encoding", "gzip", true), 415);
}

}  // namespace
}  // namespace streamdiffusion::server
