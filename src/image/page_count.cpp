#include "image/page_count.h"

#include <algorithm>

#include "image/tiff.h"

namespace streamdiffusion::image {

std::size_t count_mpo_images(std::span<const std::byte> mpf) {
  constexpr std::size_t kPrefix = 4, kEntry = 16;
  constexpr std::uint32_t kCount = 0xb001, kEntries = 0xb002;
  constexpr std::uint32_t kClass = 0xff0000, kThumbnail = 0x010000;
  if (mpf.size() < kPrefix) return 1;
  const TiffReader reader(mpf.subspan(kPrefix));
  const Directory index(reader, reader.number(4, 4), mpf.size() - kPrefix);
  const auto count = index.find(kCount), entries = index.find(kEntries);
  if (!count || !entries) return 1;
  // Each entry is in the marker, which bounds how many there can be.
  const std::size_t listed = std::min<std::size_t>(reader.number(*count, 4), mpf.size() / kEntry);
  const std::size_t begin = reader.number(*entries, 4);
  std::size_t images = 0;
  for (std::size_t i = 0; i < listed; ++i) {
    const bool thumbnail = (reader.number(begin + kEntry * i, 4) & kClass) == kThumbnail;
    images += thumbnail ? 0 : 1;
  }
  return std::max<std::size_t>(images, 1);
}

std::size_t count_tiff_pages(std::span<const std::byte> file) {
  constexpr std::size_t kMax = 1000;
  const TiffReader reader(file);
  if (!reader.has_text(0, std::string_view("II*\0", 4)) &&
      !reader.has_text(0, std::string_view("MM\0*", 4))) {
    return 1;
  }
  std::size_t pages = 0;
  for (std::size_t at = reader.number(4, 4); at != 0 && pages < kMax; ++pages)
    at = Directory(reader, at, file.size()).next();
  return std::max<std::size_t>(pages, 1);
}

}  // namespace streamdiffusion::image
