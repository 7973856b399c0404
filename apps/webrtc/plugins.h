// The parts of GStreamer that a peer needs, and no others.
#pragma once

namespace streamdiffusion::webrtc {

/// Starts GStreamer. Loads each plugin by its file, so that none is searched for and no list of all
/// plugins of the machine is made. Throws not_found naming what is missing and Debian's package.
void load_plugins();

}  // namespace streamdiffusion::webrtc
