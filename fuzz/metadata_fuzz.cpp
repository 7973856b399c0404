// Feeds any bytes to the readers of what stands beside an image's pixels: EXIF, XMP, the markers of
// JPEG, the chunks of PNG, and the counts of images in MPO and TIFF. They read such bytes without a
// checksum before them, so mutations reach all of their code. What they find must be in range.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "image/exif.h"
#include "image/jpeg_markers.h"
#include "image/page_count.h"
#include "image/png_chunks.h"
#include "image/png_text.h"

namespace {

using namespace streamdiffusion::image;

void require(bool condition) {
  if (!condition) __builtin_trap();
}

bool is_orientation(int value) {
  return value >= 1 && value <= 8;
}

/// A part of the bytes, not of what lies beside them.
bool is_part(std::span<const std::byte> part, std::span<const std::byte> whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_exif(std::span<const std::byte> bytes) {
  require(is_orientation(read_exif(bytes).orientation.value_or(1)));
  require(is_orientation(xmp_orientation(bytes).value_or(1)));
}

void check_jpeg(std::span<const std::byte> bytes) {
  const JpegMarkers markers = read_jpeg_markers(bytes);
  require(is_orientation(markers.exif.orientation.value_or(1)) && is_part(markers.xmp, bytes));
  require(markers.images >= 1 && markers.images <= bytes.size() + 1);
  require(markers.profile.size() <= bytes.size());
  const auto size = read_jpeg_size(bytes);
  require(size.has_value() == markers.size.has_value());
}

void check_text(const std::optional<PngText>& chunk, std::span<const std::byte> bytes) {
  if (!chunk) return;
  require(is_part(chunk->content, bytes));
  const std::string text = png_text(*chunk);
  require(text.size() <= std::size_t{256} * 1024);
  require(raw_profile(text).size() <= text.size());
}

void check_png(std::span<const std::byte> bytes) {
  for (const PngPart part : {PngPart::before_pixels, PngPart::all}) {
    const auto chunks = read_png_chunks(bytes, part);
    if (!chunks) continue;
    require(is_part(chunks->exif, bytes));
    for (const auto& text : {chunks->exif_profile, chunks->app1_profile, chunks->xmp})
      check_text(text, bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMaxBytes = 1U << 16;
  if (size > kMaxBytes) return 0;
  const auto bytes = std::as_bytes(std::span(data, size));
  check_exif(bytes);
  check_jpeg(bytes);
  check_png(bytes);
  require(count_mpo_images(bytes) <= size + 1);
  require(count_tiff_pages(bytes) <= 1000);
  return 0;
}
