// A window on the desktop, through SDL.
#pragma once

#include "media/frame_sink.h"

namespace streamdiffusion::media {

/// Shows the newest image; write() never waits. q, Escape or the close button close it, f changes
/// between window and full screen. Throws io where there is no desktop.
std::unique_ptr<FrameSink> open_window_sink(const SinkOptions& options);

}  // namespace streamdiffusion::media
