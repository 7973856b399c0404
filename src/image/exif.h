// The orientation that cameras note beside the pixels.
#pragma once

#include <cstddef>
#include <span>

#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

/// The orientation, 1..8, that an EXIF block gives: a TIFF structure, with or without "Exif\0\0"
/// before it. 1 where it gives none. Never reads outside `exif`.
int exif_orientation(std::span<const std::byte> exif);

/// Rotates and mirrors an image from EXIF orientation 1..8 to upright (Pillow's exif_transpose).
Image apply_orientation(Image image, int orientation);

}  // namespace streamdiffusion::image
