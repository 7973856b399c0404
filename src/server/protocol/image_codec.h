// Encodes and decodes images. An image from a client is checked by its header before it is decoded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "server/protocol/http_error.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::server {

/// Throws HttpError 415 if this is not an image, and 413 if its header declares more than
/// `max_pixels` pixels or if it is a JPEG with too many scans.
void check_image(std::string_view bytes, std::int64_t max_pixels);

/// Throws Error(invalid_argument) for an image that check_image refuses, or that is corrupt. Adds
/// to `warnings` what was wrong with one that is drawn all the same: the client is told.
Image decode_image(std::string_view bytes, std::int64_t max_pixels,
                   std::vector<std::string>& warnings);

/// What a body that is no image, or a corrupt one, is answered with.
HttpError bad_image(const Error& error);
/// Of the body of a request. Throws HttpError as check_image(), and 415 for one that is corrupt.
Image decode_body(std::string_view bytes, std::int64_t max_pixels,
                  std::vector<std::string>& warnings);

enum class ImageFormat { jpeg, png, webp };

std::string encode_image(const Image& image, ImageFormat format, int quality);
/// The planes of a WebRTC image (webrtc/message.h).
std::string write_planes(const Image& image);
const char* media_type(ImageFormat format);

}  // namespace streamdiffusion::server
