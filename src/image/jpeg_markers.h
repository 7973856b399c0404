// What is read of a JPEG without libjpeg: the size, and what its APP markers say about the pixels.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "image/exif.h"
#include "image/image_file.h"

namespace streamdiffusion::image {

struct JpegMarkers {
  /// Of the frame header; empty if none comes before the first scan.
  std::optional<ImageSize> size;
  ExifTags exif;
  /// The XMP packet; empty if there is none.
  std::span<const std::byte> xmp;
  /// There is an Adobe marker: CMYK values are stored inverted.
  bool adobe = false;
  /// The ICC profile, joined from its parts; empty if there is none, or not all of it.
  std::vector<std::byte> profile;
  bool profile_incomplete = false;
  /// An MPO holds several; a decoder gives the first.
  std::size_t images = 1;
};

/// Walks over the markers before the first scan. Never reads outside `bytes`; passes over markers
/// that it does not know.
JpegMarkers read_jpeg_markers(std::span<const std::byte> bytes);

/// The size alone; joins no profile.
std::optional<ImageSize> read_jpeg_size(std::span<const std::byte> bytes);

}  // namespace streamdiffusion::image
