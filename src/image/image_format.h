// Which format a file has, by its first bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace streamdiffusion::image {

enum class Format { png, jpeg, webp, other };

Format format_of(std::span<const std::byte> bytes);

/// What a file of another format seems to be, for messages: "a GIF". Null for what is not known.
const char* name_of_other_format(std::span<const std::byte> bytes);

/// Those of them that move; of an MP4 or an AVI, the beginning of the file.
bool is_video(std::span<const std::byte> bytes);

/// The formats of is_other_still(), for messages: "GIF, TIFF, AVIF, …".
std::string names_of_other_stills();

/// A still image of another format, which libav may read: TIFF, BMP, GIF, AVIF, PPM, …
bool is_other_still(std::span<const std::byte> bytes);

}  // namespace streamdiffusion::image
