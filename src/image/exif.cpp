// Finds a few numbers in TIFF directories, and one in XML. No library is needed for that.
#include "image/exif.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/parse_number.h"

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

  bool has_text(std::size_t at, std::string_view text) const {
    return at <= bytes_.size() && bytes_.size() - at >= text.size() &&
           std::memcmp(bytes_.data() + at, text.data(), text.size()) == 0;
  }

 private:
  std::span<const std::byte> bytes_;
  bool little_;
};

/// One directory of a TIFF structure: entries of a tag, a type, a count, and a value or its offset.
class Directory {
 public:
  Directory(const TiffReader& reader, std::size_t at, std::size_t bytes)
      : reader_(reader), at_(at), bytes_(bytes) {}

  /// Where the value of a tag lies in its entry; empty if the directory has none.
  std::optional<std::size_t> find(std::uint32_t tag) const {
    constexpr std::size_t kCount = 2, kEntry = 12, kValue = 8;
    const std::uint32_t entries = reader_.number(at_, kCount);
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::size_t entry = at_ + kCount + kEntry * i;
      if (entry >= bytes_) break;
      if (reader_.number(entry, 2) == tag) return entry + kValue;
    }
    return std::nullopt;
  }

  /// The directory that a tag points to; an empty one if there is none.
  Directory child(std::uint32_t tag) const {
    const auto value = find(tag);
    return {reader_, value ? reader_.number(*value, 4) : bytes_, bytes_};
  }

 private:
  const TiffReader& reader_;
  std::size_t at_, bytes_;
};

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
