// Parses any text as a YAML config. Only base::Error may be thrown, and weights must not be
// negative.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMaxBytes = 1U << 14;
  if (size > kMaxBytes) return 0;
  try {
    const auto config = streamdiffusion::config::parse_config(
        {reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
    for (const auto& prompt : config.live.prompts) {
      if (!(prompt.weight >= 0)) __builtin_trap();
    }
  } catch (const streamdiffusion::base::Error&) {
  }
  return 0;
}
