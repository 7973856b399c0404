// Reads any bytes as a y4m stream from a descriptor. Only base::Error may be thrown, and an image's
// pixels must match its size.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "media/frame_source.h"

namespace {

/// A header may declare large frames. This fuzzes the parser, not memory, so it skips them.
constexpr int kMaxSide = 2048;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int stream = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (stream < 0 || ::write(stream, data, size) != static_cast<ssize_t>(size)) __builtin_trap();
  ::lseek(stream, 0, SEEK_SET);
  try {
    const auto source =
        streamdiffusion::media::open_descriptor_source(stream, "fuzz", {.format = "y4m"});
    const bool small = source->info().width <= kMaxSide && source->info().height <= kMaxSide;
    while (const auto frame = small ? source->read() : std::nullopt) {
      const auto image = frame->image();
      if (image.rgb.size() !=
          3U * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height)) {
        __builtin_trap();
      }
    }
  } catch (const streamdiffusion::base::Error&) {
  }
  ::close(stream);
  return 0;
}
