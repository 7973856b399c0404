// What is read of an offer, and what is refused before any library of WebRTC sees it.
#include "webrtc/offer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "streamdiffusion/error.h"
#include "support/sdp.h"

namespace streamdiffusion::testing {
namespace {

using webrtc::Codec;
using webrtc::read_offer;
using webrtc::Role;

std::string without(std::string offer, const std::string& text) {
  for (auto at = offer.find(text); at != std::string::npos; at = offer.find(text)) {
    offer.erase(at, text.size());
  }
  return offer;
}

std::string replaced(std::string offer, const std::string& text, const std::string& by) {
  return offer.replace(offer.find(text), text.size(), by);
}

/// "CODE: message" of the error, or "accepted".
std::string refusal(const std::string& offer, Role role = Role::exchange) {
  try {
    read_offer(offer, role);
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
  return "accepted";
}

TEST(Offer, ChromiumsIsRead) {
  const webrtc::Offer offer = read_offer(offer_of(), Role::exchange);
  EXPECT_EQ(offer.video_line, 0);
  EXPECT_EQ(offer.lines, 2);
  EXPECT_EQ(offer.codec, Codec::vp8);
  EXPECT_EQ(offer.payload_type, 96);
  EXPECT_EQ(offer.transport_cc, 3);
  EXPECT_TRUE(offer.sends_again);
  EXPECT_TRUE(offer.data_channel);
}

TEST(Offer, LinesMayEndWithoutCarriageReturn) {
  EXPECT_EQ(read_offer(without(offer_of(), "\r"), Role::exchange).payload_type, 96);
}

TEST(Offer, TheDataChannelMayBeWrittenAsBeforeRfc8841) {
  const std::string old = replaced(offer_of(), "application 9 UDP/DTLS/SCTP webrtc-datachannel",
                                   "application 9 DTLS/SCTP 5000");
  EXPECT_TRUE(read_offer(old, Role::exchange).data_channel);
}

TEST(Offer, SoundBeforeTheVideoIsCounted) {
  const std::string sound = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
  const webrtc::Offer offer =
      read_offer(replaced(offer_of("sendonly"), "m=video", sound + "m=video"), Role::send);
  EXPECT_EQ(offer.video_line, 1);
  EXPECT_EQ(offer.lines, 3);
}

TEST(Offer, H264IsTakenWhereTheClientOnlySendsAndHasNoVp8) {
  const std::string no_vp8 = without(offer_of("sendonly"), "a=rtpmap:96 VP8/90000\r\n");
  const webrtc::Offer offer = read_offer(no_vp8, Role::send);
  EXPECT_EQ(offer.codec, Codec::h264);
  EXPECT_EQ(offer.payload_type, 103);
  EXPECT_THAT(offer.format, ::testing::Contains(
                                std::pair<std::string, std::string>("profile-level-id", "42001f")));
  EXPECT_EQ(refusal(without(offer_of(), "a=rtpmap:96 VP8/90000\r\n")),
            "unsupported: the offer's video has no VP8");
}

TEST(Offer, TheDirectionMustFitTheRoute) {
  EXPECT_EQ(refusal(offer_of("sendonly"), Role::send), "accepted");
  EXPECT_EQ(refusal(offer_of("sendrecv"), Role::send), "accepted");
  EXPECT_EQ(refusal(offer_of("recvonly"), Role::receive), "accepted");
  EXPECT_EQ(refusal(offer_of("sendrecv"), Role::beside), "accepted");
  EXPECT_EQ(refusal(offer_of("recvonly"), Role::beside), refusal(offer_of("recvonly")));
  EXPECT_EQ(refusal(offer_of("recvonly"), Role::send),
            "unsupported: the offer's video is recvonly, expected sendonly");
  EXPECT_EQ(refusal(offer_of("inactive"), Role::receive),
            "unsupported: the offer's video is inactive, expected recvonly");
  EXPECT_EQ(refusal(offer_of("sendonly")),
            "unsupported: the offer's video is sendonly, expected sendrecv");
}

TEST(Offer, WhatIsMissingIsNamed) {
  EXPECT_EQ(refusal(""), "invalid argument: the body is no SDP: it does not begin with v=0");
  EXPECT_EQ(refusal("v=0\r\n"), "unsupported: the offer has no video line");
  for (const std::string name : {"ice-ufrag", "ice-pwd", "fingerprint"}) {
    std::string offer = offer_of();
    for (auto at = offer.find(name); at != std::string::npos; at = offer.find(name)) {
      offer[at] = 'x';
    }
    EXPECT_EQ(refusal(offer),
              "invalid argument: the offer has no a=" + name + ", which a connection needs");
  }
}

TEST(Offer, LimitsHold) {
  EXPECT_THAT(refusal(offer_of() + std::string(webrtc::kMaxOfferBytes, 'a')),
              ::testing::HasSubstr("expected at most 16384"));
  EXPECT_THAT(refusal(offer_of() + "a=" + std::string(3000, 'x') + "\r\n"),
              ::testing::HasSubstr("expected a letter, =, and at most 2048"));
  EXPECT_THAT(refusal(offer_of() + "a=x\ty\r\n"), ::testing::HasSubstr("control characters"));
  std::string many = offer_of();
  for (int i = 0; i < 4; ++i) many += "m=audio 9 X 1\r\n";
  EXPECT_EQ(refusal(many), "unsupported: the offer has more than 4 media lines");
  EXPECT_EQ(refusal(offer_of() + offer_of().substr(offer_of().find("m=video"))),
            "unsupported: the offer has two video lines, expected one");
  std::string lines = offer_of();
  for (int i = 0; i < 1100; ++i) lines += "a=x\n";
  EXPECT_EQ(refusal(lines), "invalid argument: the offer has more than 1024 lines");
}

TEST(Offer, APayloadTypeOutOfRangeIsRefused) {
  EXPECT_EQ(refusal(replaced(offer_of(), "SAVPF 103", "SAVPF 1030")),
            "invalid argument: the video line of the offer has the payload type \"1030\", expected "
            "0 to 127");
}

}  // namespace
}  // namespace streamdiffusion::testing
