// Frames of the C interface.
#pragma once

#include <memory>

#include "streamdiffusion/c.h"
#include "streamdiffusion/engine.h"
#include "streamdiffusion/frame.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::c_api {

inline constexpr const char* kImageInTextMode =
    "a frame with an image, and mode is txt2img: expected NULL";

/// A frame as this library knows it, checked. Throws invalid_argument or unsupported.
streamdiffusion_frame read_frame(const streamdiffusion_frame* frame);
FrameView view_of(const streamdiffusion_frame& frame);
FrameTarget target_of(const streamdiffusion_frame& frame);

/// Calls the frame's `release`, where it has one, when the last copy ends.
std::shared_ptr<const void> owner_of(const streamdiffusion_frame& frame);
/// A copy of the pixels in this machine's memory, also where they are in that of the engine's card.
/// Throws as Engine::download().
HostFrame copied(const streamdiffusion_frame& frame, const Engine& engine);

/// Of streamdiffusion_frame::captured_ns. Throws invalid_argument for no time of that clock.
LiveClock::time_point time_of(std::int64_t nanoseconds);
std::int64_t nanoseconds_of(LiveClock::time_point time);

}  // namespace streamdiffusion::c_api
