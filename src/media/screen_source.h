// "screen" and what may follow it: the X11 screen, or under Wayland what the desktop's portal
// shares.
#pragma once

#include "media/frame_source.h"

namespace streamdiffusion::media {

/// Whether the text names a screen: "screen" or "screen:…".
bool is_screen(const std::string& input);

/// Opens "screen", "screen:X,Y,WxH" or "screen:portal". Throws invalid_argument for another text,
/// and as open_portal_source() and open_av_source() do.
std::unique_ptr<FrameSource> open_screen(const std::string& input, const SourceOptions& options);

}  // namespace streamdiffusion::media
