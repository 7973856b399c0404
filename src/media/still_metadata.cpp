#include "media/still_metadata.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "image/exif.h"
#include "image/image_format.h"
#include "image/page_count.h"

namespace streamdiffusion::media {
namespace {

constexpr int kLastOrientation = 8;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_tiff(std::string_view file) {
  return file.starts_with(std::string_view("II*\0", 4)) ||
         file.starts_with(std::string_view("MM\0*", 4));
}

std::size_t number(std::string_view bytes) {
  std::size_t value = 0;
  for (const char byte : bytes) value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

/// Where the properties of HEIF stand for an item, from 1, in the order in which they act.
std::vector<std::size_t> properties_of(const Mp4Table& associations, std::uint64_t item) {
  const bool long_items = associations.number(0, 1) >= 1;
  const std::size_t index_size = (associations.number(3, 1) & 1U) != 0 ? 2 : 1;
  const std::uint64_t essential = index_size == 2 ? 0x8000 : 0x80;
  std::size_t at = 8;
  for (std::uint64_t left = associations.number(4, 4); left > 0 && at < associations.size();
       --left) {
    const std::size_t id_size = long_items ? 4 : 2;
    const std::uint64_t id = associations.number(at, id_size);
    const std::size_t count = associations.number(at + id_size, 1);
    at += id_size + 1;
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < count; ++i, at += index_size)
      found.push_back(associations.number(at, index_size) & ~essential);
    if (id == item) return found;
  }
  return {};
}

/// Behind the version and the flags.
Mp4Box inside(Mp4Box box) {
  constexpr std::uint64_t kVersion = 4;
  box.begin = std::min(box.begin + kVersion, box.end);
  return box;
}

/// The box of an AVIF or HEIC in which its items are described. Nothing of a video, which may be
/// read from a pipe and is not looked through.
std::optional<Mp4Box> image_index(const Mp4File& file) {
  std::optional<Mp4Box> index;
  bool image = false;
  file.visit(file.whole(), [&](const Mp4Box& box) {
    if (box.is("meta")) index = box;
    if (box.is("ftyp")) {
      const std::uint64_t brand =
          file.bytes(box.begin, std::min(box.begin + 4, box.end)).number(0, 4);
      constexpr std::string_view kBrands[]{"avif", "mif1", "heic", "heix", "heim", "heis"};
      image = std::ranges::any_of(kBrands, [&](auto known) { return brand == number(known); });
    }
    return image && !index && !box.is("mdat") && !box.is("moov");
  });
  return index;
}

void apply_property(const Mp4Box& property, const Mp4Table& content, StillMetadata& shown) {
  constexpr int kQuarterTurns[]{1, 8, 3, 6};  // against the clock
  constexpr int kMirrors[]{4, 2};             // top and bottom are exchanged, left and right
  shown.cropped |= property.is("clap");
  if (property.is("irot")) {
    const int turn = kQuarterTurns[content.number(0, 1) & 3U];
    shown.orientation = joined_orientation(shown.orientation, turn);
  } else if (property.is("imir")) {
    const int mirror = kMirrors[content.number(0, 1) & 1U];
    shown.orientation = joined_orientation(shown.orientation, mirror);
  }
}

}  // namespace

int joined_orientation(int first, int second) {
  Image probe{2, 3, {}};
  for (std::uint8_t i = 0; i < 3 * 2 * 3; ++i) probe.rgb.push_back(i);
  const Image wanted = image::apply_orientation(image::apply_orientation(probe, first), second);
  for (int both = 1; both <= kLastOrientation; ++both) {
    const Image got = image::apply_orientation(probe, both);
    if (got.width == wanted.width && got.rgb == wanted.rgb) return both;
  }
  return 1;
}

// ICC.1, section 7.2: the size stands first, the color space at 16, the signature at 36.
std::span<const std::byte> find_profile(std::span<const std::byte> file) {
  constexpr std::size_t kSpace = 16, kSignature = 36, kHeader = 128;
  const std::string_view text = text_of(file);
  for (std::size_t at = text.find("acsp", kSignature); at != std::string_view::npos;
       at = text.find("acsp", at + 1)) {
    const std::size_t begin = at - kSignature;
    const std::size_t size = number(text.substr(begin, 4));
    const std::string_view space = text.substr(begin + kSpace, 4);
    const bool known = space == "RGB " || space == "GRAY" || space == "CMYK";
    if (known && size > kHeader && size <= file.size() - begin) return file.subspan(begin, size);
  }
  return {};
}

StillMetadata still_metadata(std::span<const std::byte> file) {
  StillMetadata shown;
  if (image::format_of(file) != image::Format::other) {
    shown.file.assign(file.begin(), file.end());
    return shown;
  }
  if (is_tiff(text_of(file))) shown.orientation = image::read_exif(file).orientation.value_or(1);
  const auto profile = find_profile(file);
  shown.profile.assign(profile.begin(), profile.end());
  return shown;
}

StillMetadata heif_metadata(const Mp4File& file) {
  StillMetadata shown;
  const auto meta = image_index(file);
  if (!meta) return shown;
  const Mp4Box items = inside(*meta);
  const Mp4Table primary = file.table(items, {"pitm"});
  const auto container = file.find(items, "iprp");
  if (primary.empty() || !container) return shown;
  const std::uint64_t item = primary.number(4, primary.number(0, 1) == 0 ? 2 : 4);
  std::vector<Mp4Box> properties;
  if (const auto all = file.find(*container, "ipco")) {
    file.visit(*all, [&](const Mp4Box& box) {
      properties.push_back(box);
      return true;
    });
  }
  for (const std::size_t index : properties_of(file.table(*container, {"ipma"}), item)) {
    if (index == 0 || index > properties.size()) continue;
    const Mp4Box& property = properties[index - 1];
    const Mp4Table content = file.content(property);
    apply_property(property, content, shown);
    const bool profile = property.is("colr") && content.number(0, 4) == number("prof");
    if (profile) shown.profile = content.bytes_from(4);
  }
  return shown;
}

void StillPackets::add(const AVPacket& packet, AVCodecContext& decoder) {
  const auto bytes = std::as_bytes(std::span(packet.data, static_cast<std::size_t>(packet.size)));
  const std::size_t pages = image::count_tiff_pages(bytes);  // libav decodes the first
  if (pages > 1) base::warn(name_, ": holds ", pages, " pages; the first is used");
  waiting_[++count_] = std::make_shared<const StillMetadata>(still_metadata(bytes));
  decoder.reordered_opaque = count_;
}

std::shared_ptr<const StillMetadata> StillPackets::take(const AVFrame& frame) {
  const auto found = waiting_.find(frame.reordered_opaque);
  if (found == waiting_.end()) return nullptr;
  auto shown = found->second;
  waiting_.erase(waiting_.begin(), std::next(found));
  return shown;
}

}  // namespace streamdiffusion::media
