// Which format a file has, by its first bytes.
#pragma once

#include <cstddef>
#include <span>

namespace streamdiffusion::image {

enum class Format { png, jpeg, webp, other };

Format format_of(std::span<const std::byte> bytes);

/// What a file of another format seems to be, for messages: "a GIF". Null for what is not known.
const char* name_of_other_format(std::span<const std::byte> bytes);

/// A still image of another format, which libav may read: TIFF, BMP, GIF, AVIF, PPM, …
bool is_other_still(std::span<const std::byte> bytes);

}  // namespace streamdiffusion::image
