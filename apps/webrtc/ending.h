// How the process of a peer ends. GStreamer 1.22 may wait for ever where a connection is taken
// down, so that nothing here waits for it longer than a moment.
#pragma once

#include <string_view>

#include "link.h"

namespace streamdiffusion::webrtc {

/// Tells the server and ends the process at once. From any thread. An empty reason means that the
/// client left.
[[noreturn]] void end_process(Link& link, std::string_view reason,
                              MessageKind last = MessageKind::failed);

}  // namespace streamdiffusion::webrtc
