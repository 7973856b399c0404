// JPEG markers (ITU-T T.81 B.1.1): 0xff, a code, and for most a length and a content.
#include "image/jpeg_markers.h"

#include <cstring>
#include <map>
#include <string_view>

#include "image/page_count.h"

namespace streamdiffusion::image {
namespace {

constexpr std::string_view kXmp = "http://ns.adobe.com/xap/1.0/";
constexpr unsigned kApp1 = 0xe1, kApp2 = 0xe2, kApp14 = 0xee, kStartOfScan = 0xda;
/// A profile has at most 255 parts of 64 KiB; none in use has more than these bytes.
constexpr std::size_t kLargestProfile = std::size_t{4} << 20U;

using Bytes = std::span<const std::byte>;

unsigned byte_at(Bytes bytes, std::size_t at) {
  return std::to_integer<unsigned>(bytes[at]);
}

unsigned short_at(Bytes bytes, std::size_t at) {
  return byte_at(bytes, at) * 256 + byte_at(bytes, at + 1);
}

bool starts_with(Bytes bytes, const char* text, std::size_t length) {
  return bytes.size() >= length && std::memcmp(bytes.data(), text, length) == 0;
}

/// SOF0 to SOF15, without DHT, JPG and DAC, which lie between them.
bool is_frame_header(unsigned code) {
  return code >= 0xc0 && code <= 0xcf && code != 0xc4 && code != 0xc8 && code != 0xcc;
}

/// TEM, RSTn, SOI: they have no length.
bool stands_alone(unsigned code) {
  return code == 0x01 || (code >= 0xd0 && code <= 0xd8);
}

/// Calls visit(code, content) for each marker up to the first scan, until it gives false.
template <typename Visit>
void each_marker(Bytes bytes, const Visit& visit) {
  std::size_t at = 2;  // behind the start-of-image marker
  while (at + 4 <= bytes.size()) {
    // As libjpeg: what is no marker, and bytes that fill, are passed over.
    if (byte_at(bytes, at) != 0xff || byte_at(bytes, at + 1) == 0xff ||
        byte_at(bytes, at + 1) == 0x00) {
      ++at;
      continue;
    }
    const unsigned code = byte_at(bytes, at + 1);
    if (stands_alone(code)) {
      at += 2;
      continue;
    }
    const std::size_t length = short_at(bytes, at + 2);
    if (code == kStartOfScan || length < 2 || bytes.size() - at - 2 < length) return;
    if (!visit(code, bytes.subspan(at + 4, length - 2))) return;
    at += 2 + length;
  }
}

std::optional<ImageSize> size_of(unsigned code, Bytes content) {
  if (!is_frame_header(code) || content.size() < 5) return std::nullopt;
  return ImageSize{static_cast<int>(short_at(content, 3)), static_cast<int>(short_at(content, 1))};
}

/// The parts of a profile: by number, and how many there should be.
struct ProfileParts {
  static constexpr std::size_t kPrefix = 14;  // "ICC_PROFILE\0", the number, the count
  std::map<unsigned, Bytes> parts;
  unsigned count = 0;

  void add(Bytes content) {
    if (content.size() < kPrefix || !starts_with(content, "ICC_PROFILE\0", 12)) return;
    count = byte_at(content, 13);
    parts.emplace(byte_at(content, 12), content.subspan(kPrefix));
  }
  void join(JpegMarkers& markers) const {
    if (parts.empty()) return;
    std::size_t size = 0;
    for (const auto& [number, part] : parts) size += part.size();
    markers.profile_incomplete = parts.size() != count || parts.begin()->first != 1 ||
                                 parts.rbegin()->first != count || size > kLargestProfile;
    if (markers.profile_incomplete) return;
    for (const auto& [number, part] : parts)
      markers.profile.insert(markers.profile.end(), part.begin(), part.end());
  }
};

}  // namespace

JpegMarkers read_jpeg_markers(Bytes bytes) {
  JpegMarkers markers;
  ProfileParts profile;
  each_marker(bytes, [&](unsigned code, Bytes content) {
    if (code == kApp1 && starts_with(content, "Exif\0\0", 6)) markers.exif = read_exif(content);
    if (code == kApp1 && starts_with(content, kXmp.data(), kXmp.size()))
      markers.xmp = content.subspan(kXmp.size());
    if (code == kApp2) profile.add(content);
    if (code == kApp2 && starts_with(content, "MPF\0", 4))
      markers.images = count_mpo_images(content);
    if (code == kApp14 && starts_with(content, "Adobe", 5)) markers.adobe = true;
    if (!markers.size) markers.size = size_of(code, content);
    return true;
  });
  profile.join(markers);
  return markers;
}

std::optional<ImageSize> read_jpeg_size(Bytes bytes) {
  std::optional<ImageSize> size;
  each_marker(bytes, [&](unsigned code, Bytes content) {
    size = size_of(code, content);
    return !size;
  });
  return size;
}

}  // namespace streamdiffusion::image
