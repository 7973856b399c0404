// What cameras note beside the pixels about how to show them: EXIF, and XMP where EXIF is missing.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

struct ExifTags {
  /// 1..8; empty where the block gives none.
  std::optional<int> orientation;
  /// The pixels are Adobe RGB by the rule of cameras (DCF 2.0, CIPA DC-009): the color space is
  /// "uncalibrated", and the interoperability index "R03".
  bool adobe_rgb = false;
};

/// Reads an EXIF block: a TIFF structure, with or without "Exif\0\0" before it. Never reads outside
/// `exif`.
ExifTags read_exif(std::span<const std::byte> exif);

/// tiff:Orientation of an XMP packet, 1..8; empty if there is none.
std::optional<int> xmp_orientation(std::span<const std::byte> xmp);

/// Rotates and mirrors an image from EXIF orientation 1..8 to upright (Pillow's exif_transpose).
Image apply_orientation(Image image, int orientation);

/// The same, from what is noted: by EXIF, or by XMP where EXIF says nothing (as Pillow does).
Image make_upright(Image image, const ExifTags& exif, std::span<const std::byte> xmp);

}  // namespace streamdiffusion::image
