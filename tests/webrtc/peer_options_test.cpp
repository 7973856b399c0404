// What a peer is told at its start, and what WHIP clients are told of STUN and TURN.
#include "webrtc/peer_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "streamdiffusion/error.h"

namespace streamdiffusion::webrtc {
namespace {

TEST(PeerOptions, AreReadAsTheyWereWritten) {
  PeerOptions options{Role::send, "v=0\r\ns=\"quoted\" and long " + std::string(500, 'x'), {}};
  options.network.addresses = {"127.0.0.1", "::1"};
  options.network.first_port = 5000;
  options.network.last_port = 5010;
  options.network.turn = "turn://user:secret@example.org:3478";
  const PeerOptions read = read_peer_options(write(options));
  EXPECT_EQ(read.role, Role::send);
  EXPECT_EQ(read.offer, options.offer);
  EXPECT_EQ(read.network.addresses, options.network.addresses);
  EXPECT_EQ(read.network.last_port, 5010);
  EXPECT_EQ(read.network.turn, options.network.turn);
}

TEST(PeerOptions, WrongValuesNameTheirFlag) {
  const auto refusal = [](const NetworkOptions& options) -> std::string {
    try {
      check(options);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal({}), "accepted");
  EXPECT_EQ(refusal({.stun = "example.org"}),
            "--stun is \"example.org\", expected stun://HOST:PORT");
  EXPECT_EQ(refusal({.turn = "turn://a b@c"}),
            "--turn is \"turn://a b@c\", expected turn://HOST:PORT");
  EXPECT_EQ(refusal({.first_port = 9, .last_port = 8}),
            "--webrtc-ports is 9-8, expected FIRST-LAST within 1-65535");
  EXPECT_EQ(refusal({.most_bits = 5}), "--webrtc-bitrate is 0 kbit/s, expected 100 to 100000");
}

TEST(PeerOptions, IceServersAreLinkedToAsRfc9725Says) {
  EXPECT_TRUE(ice_server_links({}).empty());
  EXPECT_THAT(ice_server_links({.stun = "stun://a:1", .turn = "turn://u:p@b:2"}),
              ::testing::ElementsAre("<stun:a:1>; rel=\"ice-server\"",
                                     "<turn:b:2>; rel=\"ice-server\"; username=\"u\"; "
                                     "credential=\"p\"; credential-type=\"password\""));
}

}  // namespace
}  // namespace streamdiffusion::webrtc
