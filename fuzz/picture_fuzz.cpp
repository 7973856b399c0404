// Any bytes as a picture: PNG, JPEG or neither. Only base::Error may come out, and a picture of the
// size it says.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "media/image_file.h"

namespace {

/// Headers may promise large pictures; fuzzing is about the parser, not about memory.
constexpr std::size_t kMostBytes = 1U << 16;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMostBytes) return 0;
  try {
    const auto image =
        streamdiffusion::media::decode_image(std::as_bytes(std::span(data, size)), "fuzz");
    const auto pixels =
        static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
    if (image.rgb.size() != pixels * 3) __builtin_trap();
  } catch (const streamdiffusion::base::Error&) {
  }
  return 0;
}
