// A camera for other programs, through PipeWire: browsers, OBS and conferences list it, without a
// kernel module and without root.
#pragma once

#include "media/frame_sink.h"

namespace streamdiffusion::media {

/// Throws unsupported if this program is built without PipeWire, and io if no PipeWire runs.
void check_pipewire();

/// `title` is what others list the camera as. Whoever reads it gets the newest image, in BGRx,
/// RGBx, RGB, NV12 or I420 as they ask; write() never waits for them. Throws as check_pipewire().
std::unique_ptr<FrameSink> open_pipewire_sink(const std::string& title, const SinkOptions& options);

}  // namespace streamdiffusion::media
