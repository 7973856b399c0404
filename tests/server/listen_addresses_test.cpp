// Which addresses the server listens on.
#include "server/net/listen_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/running_server.h"
#include "support/errors.h"

namespace streamdiffusion::server {
namespace {

using ::testing::ElementsAre;
using Addresses = std::vector<net::ip::address>;

std::vector<std::string> texts(const Addresses& addresses) {
  std::vector<std::string> all;
  for (const auto& address : addresses) all.push_back(address.to_string());
  return all;
}

TEST(ListenAddresses, LocalhostIsThisMachineWhateverTheSystemSays) {
  const Resolve unknown = [](const std::string& host) -> Addresses {
    base::fail(ErrorCode::io, "--host ", host, ": Host not found");
  };
  const Resolve foreign = [](const std::string&) -> Addresses {
    return {net::ip::make_address("192.0.2.1")};
  };
  for (const Resolve& resolve : {unknown, foreign})
    EXPECT_THAT(texts(listen_addresses("localhost", resolve)), ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(texts(listen_addresses("example.org", foreign)), ElementsAre("192.0.2.1"));
}

TEST(ListenAddresses, OfAnAddressAreItself) {
  EXPECT_THAT(texts(listen_addresses("127.0.0.1", resolve_by_system)), ElementsAre("127.0.0.1"));
  EXPECT_THAT(texts(listen_addresses("[::1]", resolve_by_system)), ElementsAre("::1"));
}

/// A client of "localhost" would meet the other program under one of its addresses.
TEST(ListenAddresses, APortThatAnotherHasUnderOneOfThemIsRefused) {
  net::io_context io;
  NetError unavailable;
  tcp::acceptor other(io);
  other.open(tcp::v6(), unavailable);
  if (!unavailable) other.bind({net::ip::address_v6::loopback(), 0}, unavailable);
  if (unavailable) GTEST_SKIP() << "no IPv6 here: " << unavailable.message();
  other.listen();
  ServerOptions options;
  options.port = other.local_endpoint().port();
  testing::FakeStreamFactory streams;
  testing::expect_error([&] { Server server(streams, options); }, ErrorCode::io,
                        {"cannot listen on localhost", "in use"});
}

TEST(ListenAddresses, AnUnknownNameIsNamed) {
  testing::expect_error([] { listen_addresses("no such name", resolve_by_system); }, ErrorCode::io,
                        {"--host no such name"});
}

}  // namespace
}  // namespace streamdiffusion::server
