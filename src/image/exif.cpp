// Finds one number in a TIFF directory. No library is needed for that.
#include "image/exif.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace streamdiffusion::image {
namespace {

/// Reads numbers from a TIFF block in its byte order; outside the block every number is 0.
class TiffReader {
 public:
  explicit TiffReader(std::span<const std::byte> bytes)
      : bytes_(bytes), little_(!bytes.empty() && bytes[0] == std::byte{'I'}) {}

  /// `length` is 2 or 4 bytes.
  std::uint32_t number(std::size_t at, std::size_t length) const {
    if (at > bytes_.size() || bytes_.size() - at < length) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t from = little_ ? at + length - 1 - i : at + i;
      value = (value << 8U) | std::to_integer<std::uint32_t>(bytes_[from]);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool little_;
};

int tiff_orientation(std::span<const std::byte> tiff) {
  constexpr std::uint32_t kOrientationTag = 0x0112;
  const TiffReader reader(tiff);
  const std::size_t directory = reader.number(4, 4);
  const std::uint32_t entries = reader.number(directory, 2);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + std::size_t{12} * i;
    if (entry >= tiff.size()) break;
    if (reader.number(entry, 2) != kOrientationTag) continue;
    const std::uint32_t value = reader.number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace

int exif_orientation(std::span<const std::byte> exif) {
  constexpr std::size_t kPrefix = 6;
  const bool prefixed =
      exif.size() >= kPrefix && std::memcmp(exif.data(), "Exif\0\0", kPrefix) == 0;
  return tiff_orientation(prefixed ? exif.subspan(kPrefix) : exif);
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool transposed = orientation >= 5;  // rows become columns
  Image out{transposed ? image.height : image.width, transposed ? image.width : image.height, {}};
  out.rgb.resize(image.rgb.size());
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      int u = transposed ? y : x, v = transposed ? x : y;  // column and row in the stored image
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
        u = image.width - 1 - u;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
        v = image.height - 1 - v;
      std::copy_n(
          image.rgb.data() +
              3 * (static_cast<std::size_t>(v) * static_cast<std::size_t>(image.width) +
                   static_cast<std::size_t>(u)),
          3,
          out.rgb.data() + 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(out.width) +
                                static_cast<std::size_t>(x)));
    }
  }
  return out;
}

}  // namespace streamdiffusion::image
