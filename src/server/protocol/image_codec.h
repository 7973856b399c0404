// Encodes and decodes images. An image from a client is checked by its header before it is decoded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "streamdiffusion/image.h"

namespace streamdiffusion::server {

/// Throws HttpError 415 if this is not an image, and 413 if its header declares more than
/// `max_pixels` pixels or if it is a JPEG with too many scans.
void check_image(std::string_view bytes, std::int64_t max_pixels);

/// Throws Error(invalid_argument) for an image that check_image refuses, or that is corrupt.
Image decode_image(std::string_view bytes, std::int64_t max_pixels);

enum class ImageFormat { jpeg, png, webp };

std::string encode_image(const Image& image, ImageFormat format, int quality);
/// The planes of a WebRTC image (webrtc/message.h).
std::string write_planes(const Image& image);
const char* media_type(ImageFormat format);

}  // namespace streamdiffusion::server
