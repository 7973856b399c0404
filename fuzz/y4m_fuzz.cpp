// Any bytes as a y4m stream. Only base::Error may come out.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "media/y4m.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(
      ::fmemopen(const_cast<std::uint8_t*>(data), size, "rb"), std::fclose);
  try {
    streamdiffusion::media::Y4mReader reader(stream.get(), "fuzz");
    while (reader.read()) {
    }
  } catch (const streamdiffusion::base::Error&) {
  }
  return 0;
}
