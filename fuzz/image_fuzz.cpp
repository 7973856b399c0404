// Decodes any bytes as an image: PNG, JPEG, WebP or none of them. Only base::Error may be thrown,
// and an image must have the size that its header says, with sides swapped or not. scripts/fuzz.sh
// limits what may be allocated at once: far less than a compressed chunk can ask for.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "image/image_file.h"

namespace {

/// A header may declare a large image, which takes long: those must be refused.
constexpr std::size_t kMaxBytes = 1U << 22;
constexpr std::int64_t kMaxDecodedPixels = 1 << 20;

void decode(std::span<const std::byte> bytes) {
  using namespace streamdiffusion::image;
  const ImageSize size = read_image_size(bytes, "fuzz");
  const std::int64_t pixels = std::int64_t{size.width} * size.height;
  const auto image = decode_image(bytes, "fuzz", {.max_pixels = kMaxDecodedPixels});
  const bool transposed = image.width == size.height && image.height == size.width;  // by EXIF
  const bool same = image.width == size.width && image.height == size.height;
  if (!same && !transposed) __builtin_trap();
  if (image.rgb.size() != static_cast<std::size_t>(pixels) * 3) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMaxBytes) return 0;
  try {
    decode(std::as_bytes(std::span(data, size)));
  } catch (const streamdiffusion::base::Error&) {
  }
  return 0;
}
