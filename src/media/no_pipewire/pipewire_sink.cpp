// In place of pipewire/, for builds without libpipewire.
#include "media/pipewire_sink.h"

#include "base/error.h"

namespace streamdiffusion::media {

void check_pipewire() {
  base::fail(base::ErrorCode::unsupported,
             "pipewire: this program is built without PipeWire; install libpipewire-0.3-dev and "
             "build again, or give /dev/videoN of v4l2loopback");
}

std::unique_ptr<FrameSink> open_pipewire_sink(const std::string&, const SinkOptions&) {
  check_pipewire();
  return nullptr;
}

}  // namespace streamdiffusion::media
