// Finds a few numbers in TIFF directories, and one in XML. No library is needed for that.
#include "image/exif.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/parse_number.h"
#include "image/tiff.h"

namespace streamdiffusion::image {
namespace {

ExifTags read_tiff(std::span<const std::byte> tiff) {
  constexpr std::uint32_t kOrientation = 0x0112, kExif = 0x8769, kColorSpace = 0xa001,
                          kInteroperability = 0xa005, kIndex = 1;
  constexpr std::uint32_t kUncalibrated = 0xffff;
  ExifTags tags;
  const TiffReader reader(tiff);
  const Directory main(reader, reader.number(4, 4), tiff.size());
  if (const auto value = main.find(kOrientation)) {
    const std::uint32_t orientation = reader.number(*value, 2);
    if (orientation >= 1 && orientation <= 8) tags.orientation = static_cast<int>(orientation);
  }
  const Directory exif = main.child(kExif);
  const auto space = exif.find(kColorSpace);
  const auto index = exif.child(kInteroperability).find(kIndex);
  if (space && index && reader.number(*space, 2) == kUncalibrated)
    tags.adobe_rgb = reader.has_text(*index, "R03");
  return tags;
}

}  // namespace

ExifTags read_exif(std::span<const std::byte> exif) {
  constexpr std::size_t kPrefix = 6;
  const bool prefixed =
      exif.size() >= kPrefix && std::memcmp(exif.data(), "Exif\0\0", kPrefix) == 0;
  return read_tiff(prefixed ? exif.subspan(kPrefix) : exif);
}

// It is an attribute, tiff:Orientation="6", or an element, <tiff:Orientation>6</tiff:Orientation>.
std::optional<int> xmp_orientation(std::span<const std::byte> xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  const std::string_view text(reinterpret_cast<const char*>(xmp.data()), xmp.size());
  const std::size_t name = text.find(kName);
  if (name == std::string_view::npos) return std::nullopt;
  std::string_view value = text.substr(name + kName.size());
  const bool attribute = value.starts_with("=\"") || value.starts_with("='");
  if (!attribute && !value.starts_with('>')) return std::nullopt;
  value = value.substr(attribute ? 2 : 1);
  value = value.substr(0, value.find_first_of("\"'<"));
  const auto number = base::parse_number<int>(value);
  return number && *number >= 1 && *number <= 8 ? number : std::nullopt;
}

Image make_upright(Image image, const ExifTags& exif, std::span<const std::byte> xmp) {
  const std::optional<int> orientation = exif.orientation ? exif.orientation : xmp_orientation(xmp);
  return apply_orientation(std::move(image), orientation.value_or(1));
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
