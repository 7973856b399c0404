// One transport for all media lines of a bundle.
#include "webrtc/bundle.h"

#include <gtest/gtest.h>

#include "support/sdp.h"

namespace streamdiffusion::webrtc {
namespace {

const std::string kTwo =
    "v=0\r\na=group:BUNDLE a b\r\nm=video 9 X 96\r\na=ice-ufrag:one\r\na=ice-pwd:p1\r\n"
    "a=candidate:1\r\na=mid:a\r\nm=application 9 X y\r\na=mid:b\r\na=ice-ufrag:two\r\n"
    "a=ice-pwd:p2\r\na=candidate:2\r\na=sctp-port:5000\r\n";

TEST(Bundle, TakesTheFirstTransport) {
  EXPECT_EQ(with_one_transport(kTwo),
            "v=0\r\na=group:BUNDLE a b\r\nm=video 9 X 96\r\na=ice-ufrag:one\r\na=ice-pwd:p1\r\n"
            "a=candidate:1\r\na=mid:a\r\nm=application 9 X y\r\na=mid:b\r\na=ice-ufrag:one\r\n"
            "a=ice-pwd:p1\r\na=sctp-port:5000\r\n");
}

TEST(Bundle, WhatIsNotBundledStays) {
  std::string alone = kTwo;
  alone.replace(alone.find("BUNDLE a b"), 10, "BUNDLE a");
  EXPECT_EQ(with_one_transport(alone), alone);
}

TEST(Bundle, AnOfferWithOneTransportStays) {
  EXPECT_EQ(with_one_transport(testing::offer_of()), testing::offer_of());
}

}  // namespace
}  // namespace streamdiffusion::webrtc
