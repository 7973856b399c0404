// The one reader of sizes as users write them.
#pragma once

#include <optional>
#include <string_view>

#include "image/image_file.h"

namespace streamdiffusion::media {

/// "640x480": width and height in pixels, two whole numbers above 0. Empty for anything else.
std::optional<image::ImageSize> parse_size(std::string_view text);

}  // namespace streamdiffusion::media
