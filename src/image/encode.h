// Images to the bytes of a file, in memory.
#pragma once

#include <cstddef>
#include <vector>

#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

/// Each gives the bytes of a whole file. `quality` is 0..100 (JPEG: 1..100).
std::vector<std::byte> encode_png(const Image& image);
std::vector<std::byte> encode_jpeg(const Image& image, int quality);
/// Throws unsupported for more than 16383 pixels a side.
std::vector<std::byte> encode_webp(const Image& image, int quality);

}  // namespace streamdiffusion::image
