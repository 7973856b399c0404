// Images that clients send for IP-Adapters to follow.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "streamdiffusion/image.h"

namespace streamdiffusion::server {

/// Decodes the image, and keeps what an image encoder sees of it: the central square, of at most
/// 512 pixels a side. Throws HttpError as check_image() does, and 400 for one that is corrupt or
/// too narrow. Adds to `warnings` as decode_image() does. Takes as long as decoding a large photo.
std::shared_ptr<const Image> read_style_image(std::string_view bytes, std::int64_t max_pixels,
                                              std::vector<std::string>& warnings);

}  // namespace streamdiffusion::server
