// Still images of every format that is read: PNG, JPEG and WebP by src/image, the others by libav.
#pragma once

#include <filesystem>

#include "streamdiffusion/image.h"

namespace streamdiffusion::media {

/// Reads a file or a pipe; "-" is standard input. Throws Error naming it: not_found, io,
/// corrupt_file, or unsupported for what is no image, or moves.
Image read_still_image(const std::filesystem::path& path);

}  // namespace streamdiffusion::media
