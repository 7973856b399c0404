// The screen of a Wayland desktop, which only the desktop itself can show: through its portal and
// PipeWire.
#pragma once

#include <optional>

#include "media/frame_source.h"

namespace streamdiffusion::media {

/// A rectangle, in pixels from the top left corner.
struct ScreenPart {
  int x = 0, y = 0, width = 0, height = 0;
};

/// Whether this program is built with PipeWire, which open_portal_source() needs.
bool has_portal_source();

/// Asks the desktop what may be seen, which its user chooses in a dialog; the choice of last time
/// is used again, unless `anew`. Gives images at the rate of the options (default 25): the newest
/// one, again where nothing has changed. Ends, with a warning, where the user ends the sharing.
/// Throws io where the user refuses or no image comes, unsupported where the desktop has no portal
/// or this program no PipeWire, and invalid_argument where `part` is not inside what is shared.
std::unique_ptr<FrameSource> open_portal_source(const std::string& name,
                                                const std::optional<ScreenPart>& part, bool anew,
                                                const SourceOptions& options);

}  // namespace streamdiffusion::media
