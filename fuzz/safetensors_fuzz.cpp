// Parses any bytes as a safetensors file and reads every tensor of a valid one. Only base::Error
// may be thrown.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using streamdiffusion::base::Error;
  try {
    std::size_t covered = 0;
    const auto bytes = std::as_bytes(std::span(data, size));
    for (const auto& tensor : streamdiffusion::weights::parse_safetensors(bytes, size, "fuzz")) {
      covered += tensor.bytes;
      std::vector<float> out(static_cast<std::size_t>(tensor.elements()));
      try {
        streamdiffusion::weights::to_f32(tensor, bytes.subspan(tensor.offset, tensor.bytes), out,
                                         "fuzz");
      } catch (const Error&) {  // an integer tensor
      }
    }
    if (covered > size) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}
