// Text chunks of PNG in which programs keep EXIF and XMP: eXIf is younger (2017) than the habit.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace streamdiffusion::image {

/// A chunk tEXt, zTXt or iTXt. `content` lies in the file.
struct PngText {
  std::string_view type;
  std::span<const std::byte> content;
};

/// Empty if the chunk is no text.
std::string_view png_keyword(const PngText& chunk);

/// The text behind the keyword, inflated where it is compressed: at most its first 256 KiB. Empty
/// if the chunk is malformed.
std::string png_text(const PngText& chunk);

/// The bytes of what ImageMagick calls a raw profile: a text of a name, a length and hexadecimal
/// digits, which `text` begins with a line break before.
std::string raw_profile(std::string_view text);

}  // namespace streamdiffusion::image
