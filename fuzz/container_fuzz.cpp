// Opens any bytes as a file of some container: Matroska, MP4, GIF, APNG, MPEG-TS, … FFmpeg's
// libraries take them apart; what is fuzzed is what we make of their answers: times, sizes, tracks
// and chapters. Only base::Error may be thrown, times must ascend, also at another rate, and an
// image's pixels must match its size.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "media/frame_source.h"
#include "memory_file.h"

namespace {

using namespace streamdiffusion;

/// A header may declare large or many frames. This fuzzes what we do with them, not memory.
constexpr int kMaxSide = 512, kMaxFrames = 40;
constexpr std::size_t kMaxBytes = std::size_t{1} << 16;

void read(media::FrameSource& source) {
  std::int64_t last = -1;
  if (source.info().width > kMaxSide || source.info().height > kMaxSide) return;
  for (int i = 0; i < kMaxFrames; ++i) {
    const auto frame = source.read();
    if (!frame) break;
    if (frame->pts <= last || frame->duration < 0) __builtin_trap();
    last = frame->pts;
    const Image image = frame->image();
    const auto pixels =
        static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
    if (image.rgb.size() != 3 * pixels) __builtin_trap();
  }
  (void)source.extras().names();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMaxBytes) return 0;
  base::set_log_callback([](base::LogLevel, std::string_view) {});
  const fuzz::MemoryFile file(data, size);
  for (const bool resampled : {false, true}) {
    try {
      auto source = media::open_source(file.path());
      if (resampled) source = media::at_rate(std::move(source), {30000, 1001});
      read(*source);
    } catch (const base::Error&) {
    }
  }
  return 0;
}
