// Shows images in a desktop window, through SDL.
#pragma once

#include "media/frame_sink.h"

namespace streamdiffusion::media {

/// Throws io if there is no desktop. SDL also has drivers that show nothing; they are taken only if
/// the user names one in SDL_VIDEODRIVER.
void check_window();

/// Shows the newest image; write() never waits for the window. q, Escape and the close button close
/// it; f toggles full screen. Throws io if there is no desktop.
std::unique_ptr<FrameSink> open_window_sink(const SinkOptions& options);

}  // namespace streamdiffusion::media
