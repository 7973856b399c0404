// Shows images in a desktop window, or on a whole display, through SDL.
#pragma once

#include <memory>
#include <optional>

#include "media/frame_sink.h"

namespace streamdiffusion::media {

/// Throws io if there is no desktop, or no such `display`, counted from 0. SDL also has drivers
/// that show nothing; they are taken only if the user names one in SDL_VIDEODRIVER.
void check_window(std::optional<int> display);

/// Shows the newest image; write() never waits for the window. q, Escape and the close button close
/// it; f toggles full screen, which it is from the start on a `display` that is given. Throws as
/// check_window() does.
std::unique_ptr<FrameSink> open_window_sink(const SinkOptions& options, std::optional<int> display);

}  // namespace streamdiffusion::media
