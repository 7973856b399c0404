// Magic numbers. The list of foreign formats is for messages, and tells which libav may read.
#include "image/image_format.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/join.h"

namespace streamdiffusion::image {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t at;
  std::string_view bytes;
  const char* name;
  /// A still image, or few of them, that libav reads.
  bool still = false;
  bool video = false;
};

constexpr Magic kOthers[] = {
    {0, "GIF8"sv, "a GIF", true},
    {0, "II*\0"sv, "a TIFF", true},
    {0, "MM\0*"sv, "a TIFF", true},
    {4, "ftypavi"sv, "an AVIF image", true},
    {4, "ftyphei"sv, "a HEIC image", true},
    {4, "ftyphev"sv, "a HEIC image", true},
    {4, "ftypmif1"sv, "a HEIC image", true},
    {4, "ftypmsf1"sv, "a HEIC image"},
    {4, "ftyp"sv, "an MP4 video", false, true},
    {0, "\xff\x0a"sv, "a JPEG XL image", true},
    {4, "JXL \r\n"sv, "a JPEG XL image", true},
    {4, "jP  \r\n"sv, "a JPEG 2000 image", true},
    {0, "8BPS"sv, "a Photoshop file", true},
    {0, "%PDF"sv, "a PDF"},
    {0, "<svg"sv, "an SVG drawing"},
    {0, "<?xml"sv, "an XML file, such as an SVG drawing"},
    {0, "<!DOCTYPE"sv, "a web page"},
    {0, "<!doctype"sv, "a web page"},
    {0, "<html"sv, "a web page"},
    {0, "\x1a\x45\xdf\xa3"sv, "a Matroska or WebM video", false, true},
    {8, "AVI "sv, "an AVI video", false, true},
    {0, "YUV4MPEG2 "sv, "a y4m video", false, true},
    {0, "FLV\1"sv, "an FLV video", false, true},
    {0, "\0\0\1\xba"sv, "an MPEG video", false, true},
    {0, "OggS"sv, "an Ogg file", false, true},
    {0, "\0\0\1\0"sv, "an icon"},
    {0, "PK\3\4"sv, "a ZIP archive"},
    {0, "\x1f\x8b"sv, "a gzip archive"},
    {0, "qoif"sv, "a QOI image", true},
    {0, "P4\n"sv, "a PBM image", true},
    {0, "P5\n"sv, "a PGM image", true},
    {0, "P6\n"sv, "a PPM image", true},
    {0, "P7\n"sv, "a PAM image", true},
    {0, "BM"sv, "a BMP"},
};

bool has(std::string_view file, std::size_t at, std::string_view bytes) {
  return file.size() >= at && file.substr(at).starts_with(bytes);
}

/// Null for what is not known.
const Magic* other_format(std::string_view file) {
  for (const Magic& magic : kOthers) {
    if (has(file, magic.at, magic.bytes)) return &magic;
  }
  return nullptr;
}

/// "BM" alone would be the beginning of many a text; behind the size of the file stand four zeros.
bool is_bitmap(std::string_view file) {
  return has(file, 0, "BM"sv) && has(file, 6, "\0\0\0\0"sv);
}

std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Format format_of(std::span<const std::byte> bytes) {
  const std::string_view file = text(bytes);
  if (has(file, 0, "\x89PNG"sv)) return Format::png;
  if (has(file, 0, "\xff\xd8\xff"sv)) return Format::jpeg;
  if (has(file, 0, "RIFF"sv) && has(file, 8, "WEBP"sv)) return Format::webp;
  return Format::other;
}

const char* name_of_other_format(std::span<const std::byte> bytes) {
  const Magic* magic = other_format(text(bytes));
  return magic == nullptr ? nullptr : magic->name;
}

bool is_video(std::span<const std::byte> bytes) {
  constexpr std::size_t kTransportPacket = 188;
  const std::string_view file = text(bytes);
  const Magic* magic = other_format(file);
  const bool transport = has(file, 0, "G"sv) && has(file, kTransportPacket, "G"sv) &&
                         has(file, 2 * kTransportPacket, "G"sv);
  return (magic != nullptr && magic->video) || (magic == nullptr && transport);
}

std::string names_of_other_stills() {
  std::vector<std::string> names;
  for (const Magic& magic : kOthers) {
    std::string name = magic.name;  // "a TIFF", "an AVIF image"
    name = name.substr(name.find(' ') + 1);
    for (const std::string_view kind : {" image", " file"})
      if (name.ends_with(kind)) name.resize(name.size() - kind.size());
    const bool read = (magic.still && name != "HEIC") || name == "BMP";  // libav 59 reads no HEIC
    if (read && std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return base::joined(names);
}

bool is_other_still(std::span<const std::byte> bytes) {
  const Magic* magic = other_format(text(bytes));
  return (magic != nullptr && magic->still) || is_bitmap(text(bytes));
}

}  // namespace streamdiffusion::image
