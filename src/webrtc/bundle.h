// Offers whose media lines share one transport.
#pragma once

#include <string>
#include <string_view>

namespace streamdiffusion::webrtc {

/// The offer with the transport of its first media line in all others of its bundle: where they are
/// bundled, the others' do not count (RFC 9143, section 7.3.1), and webrtcbin refuses an offer in
/// which they differ. Media lines without a=mid, and offers without a=group:BUNDLE, stay as they
/// are. `sdp` is one that read_offer() accepts.
std::string with_one_transport(std::string_view sdp);

}  // namespace streamdiffusion::webrtc
