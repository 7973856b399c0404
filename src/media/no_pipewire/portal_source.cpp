// In place of pipewire/, for builds without libpipewire or GLib.
#include "media/portal_source.h"

#include "base/error.h"

namespace streamdiffusion::media {

bool has_portal_source() {
  return false;
}

std::unique_ptr<FrameSource> open_portal_source(const std::string& name,
                                                const std::optional<ScreenPart>&, bool,
                                                const SourceOptions&) {
  base::fail(base::ErrorCode::unsupported, name,
             ": this program is built without PipeWire; install libpipewire-0.3-dev and "
             "libglib2.0-dev and build again, or give /dev/videoN of OBS's virtual camera");
}

}  // namespace streamdiffusion::media
