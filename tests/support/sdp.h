// Offers of WebRTC clients, as Chromium writes them, without what nobody here reads.
#pragma once

#include <string>

namespace streamdiffusion::testing {

/// `name` is the session's (s=).
inline std::string offer_of(const std::string& direction = "sendrecv",
                            const std::string& name = "-") {
  return "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=" + name +
         "\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
         "m=video 9 UDP/TLS/RTP/SAVPF 103 96 97\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
         "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
         "a=fingerprint:sha-256 00:11:22\r\na=setup:actpass\r\na=mid:0\r\n"
         "a=extmap:3 "
         "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=" +
         direction +
         "\r\na=rtcp-mux\r\na=rtpmap:103 H264/90000\r\n"
         "a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n"
         "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
         "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
         "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
         "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
         "a=fingerprint:sha-256 00:11:22\r\na=setup:actpass\r\na=mid:1\r\na=sctp-port:5000\r\n";
}

}  // namespace streamdiffusion::testing
