// Images of strangers: their headers are read before anything is decoded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "streamdiffusion/image.h"

namespace streamdiffusion::server {

/// Throws Refusal 415 for no image, 413 for one that promises more pixels than `most_pixels` or a
/// JPEG of more scans than an image needs.
void check_image(std::string_view bytes, std::int64_t most_pixels);

/// Throws as check_image does, and Error for one that is broken.
Image decode_image(std::string_view bytes, std::int64_t most_pixels);

enum class ImageFormat { jpeg, png, webp };

std::string encode_image(const Image& image, ImageFormat format, int quality);
const char* media_type(ImageFormat format);

}  // namespace streamdiffusion::server
