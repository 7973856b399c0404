// Pictures of strangers: their headers are read before anything is decoded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "streamdiffusion/image.h"

namespace streamdiffusion::server {

/// Throws Refusal 415 for no picture, 413 for one that promises more pixels than `most_pixels` or a
/// JPEG of more scans than a picture needs.
void check_picture(std::string_view bytes, std::int64_t most_pixels);

/// Throws as check_picture does, and Error for one that is broken.
Image decode_picture(std::string_view bytes, std::int64_t most_pixels);

enum class PictureFormat { jpeg, png, webp };

std::string encode_picture(const Image& image, PictureFormat format, int quality);
const char* media_type(PictureFormat format);

}  // namespace streamdiffusion::server
