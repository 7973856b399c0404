// Offers of WebRTC clients, and what the process of a connection says to the server.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "webrtc/bundle.h"
#include "webrtc/message.h"
#include "webrtc/offer.h"

namespace webrtc = streamdiffusion::webrtc;

namespace {

void check_offer(std::string_view sdp, webrtc::Role role) {
  try {
    const webrtc::Offer offer = webrtc::read_offer(sdp, role);
    if (offer.video_line >= offer.lines || offer.payload_type > 127) std::abort();
    const std::string bundled = webrtc::with_one_transport(sdp);
    if (webrtc::with_one_transport(bundled) != bundled) std::abort();
  } catch (const streamdiffusion::Error&) {
  }
}

void read_messages(std::string_view bytes) {
  webrtc::MessageReader reader(4096);
  try {
    reader.add(bytes);
    while (const auto message = reader.next()) {
      if (message->kind == webrtc::MessageKind::image) webrtc::read_image(message->body, 1024);
    }
  } catch (const streamdiffusion::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_messages(bytes);
  for (const auto role :
       {webrtc::Role::exchange, webrtc::Role::send, webrtc::Role::receive, webrtc::Role::beside}) {
    check_offer(bytes, role);
  }
  return 0;
}
