// Parses any text as a YAML config. Only base::Error may be thrown, weights must not be negative,
// and the settings of ControlNets and IP-Adapters in their ranges.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "config/config.h"
#include "params/control.h"
#include "params/image_prompt.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMaxBytes = 1U << 14;
  if (size > kMaxBytes) return 0;
  try {
    const auto config = streamdiffusion::config::parse_config(
        {reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
    for (const auto& prompt : config.live.prompts) {
      if (!(prompt.weight >= 0)) __builtin_trap();
    }
    for (const auto& net : config.engine.controlnets) {
      if (net.model.empty() || !streamdiffusion::params::accepts(net.settings)) __builtin_trap();
    }
    for (const auto& adapter : config.engine.ip_adapters) {
      if (adapter.file.empty() || !streamdiffusion::params::accepts(adapter.prompt))
        __builtin_trap();
    }
  } catch (const streamdiffusion::base::Error&) {
  }
  return 0;
}
