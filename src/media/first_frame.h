// The first image of a source, seen before anything else is done for its frames.
#pragma once

#include <memory>

#include "media/frame_source.h"

namespace streamdiffusion::media {

/// The source, after it has given an image: frames are read until one can be converted, at most
/// kMaxFramesAhead. They come from read() all the same. Throws what read() throws; what the only
/// frame says of its image; or corrupt_file if it ends and none of several could be converted. A
/// source that is stopped is as good as one that has given an image. What is read of its sound
/// meanwhile is kept until the first read(), by when a sink that writes it must be open.
std::unique_ptr<FrameSource> with_first_frame(std::unique_ptr<FrameSource> source);

/// A decoded frame waits in memory.
inline constexpr int kMaxFramesAhead = 16;

/// Whether that costs no wait: the input is a file, a folder or a pattern, and no pipe or device.
bool has_frames_at_once(const std::string& input);

}  // namespace streamdiffusion::media
