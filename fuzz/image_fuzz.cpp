// Any bytes as an image: PNG, JPEG, WebP or none. Only base::Error may come out, and an image of
// the size that its header says, turned or not.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "image/image_file.h"

namespace {

/// Headers may promise large images; fuzzing is about the parser, not about memory and patience.
constexpr std::size_t kMostBytes = 1U << 16;
constexpr std::int64_t kMostDecoded = 1 << 20;

void decode(std::span<const std::byte> bytes) {
  using namespace streamdiffusion::media;
  const ImageSize size = read_image_size(bytes, "fuzz");
  const std::int64_t pixels = std::int64_t{size.width} * size.height;
  if (pixels > kMostDecoded) return;
  const auto image = decode_image(bytes, "fuzz");
  const bool turned = image.width == size.height && image.height == size.width;  // by EXIF
  const bool same = image.width == size.width && image.height == size.height;
  if (!same && !turned) __builtin_trap();
  if (image.rgb.size() != static_cast<std::size_t>(pixels) * 3) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMostBytes) return 0;
  try {
    decode(std::as_bytes(std::span(data, size)));
  } catch (const streamdiffusion::base::Error&) {
  }
  return 0;
}
