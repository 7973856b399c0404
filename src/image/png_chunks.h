// What is read of a PNG without libpng: the size, and what only some files have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "image/color.h"
#include "image/exif.h"
#include "image/png_text.h"

namespace streamdiffusion::image {

struct PngChunks {
  std::int64_t width = 0, height = 0;
  bool has_profile = false, is_srgb = false;
  /// More than one frame: an animated PNG.
  std::uint32_t frames = 1;
  /// There is an IEND chunk: the file is whole.
  bool ended = false;
  std::span<const std::byte> exif;
  /// The first text chunk of each kind that may hold EXIF, or XMP.
  std::optional<PngText> exif_profile, app1_profile, xmp;
  /// Numbers of ITU-T H.273 for the primaries and the transfer function.
  struct CodePoints {
    int primaries = 1, transfer = 13;
  };
  std::optional<CodePoints> code_points;
  std::optional<double> gamma;
  std::optional<Chromaticities> primaries;
};

/// What a PNG notes about how to show its pixels; both may be empty.
struct PngMetadata {
  ExifTags exif;
  std::string xmp;
};
/// The chunk eXIf counts before texts. Reads at most 256 KiB of each text.
PngMetadata read_metadata(const PngChunks& chunks);

/// Up to where chunks are looked at.
enum class PngPart { before_pixels, all };

/// Looks at the header of each chunk and passes over its content. Empty if `bytes` do not begin as
/// a PNG does. Never reads outside `bytes`, and checks no checksum.
std::optional<PngChunks> read_png_chunks(std::span<const std::byte> bytes, PngPart part);

}  // namespace streamdiffusion::image
