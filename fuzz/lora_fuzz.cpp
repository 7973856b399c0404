// Opens any bytes as a LoRA file for a small model and adds it to every weight. Only base::Error
// may be thrown.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "lora/lora_set.h"
#include "memory_file.h"

namespace {

using streamdiffusion::lora::Network;
using streamdiffusion::lora::NetworkTensors;

const std::vector<NetworkTensors>& model() {
  static const std::vector<NetworkTensors> networks{
      {Network::unet,
       {{"conv_in.weight", {6, 4, 3, 3}},
        {"conv_in.bias", {6}},
        {"mid_block.attentions.0.proj_in.weight", {6, 8}},
        {"down_blocks.0.resnets.0.conv1.weight", {6, 8, 3, 3}}}},
      {Network::text, {{"text_model.encoder.layers.0.self_attn.q_proj.weight", {8, 8}}}}};
  return networks;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace lora = streamdiffusion::lora;
  static const lora::ModuleMap modules(model());
  const streamdiffusion::fuzz::MemoryFile file(data, size);
  try {
    const lora::LoraSet loras({file.path()}, modules);
    const std::vector<float> scales{0.5F};
    for (const NetworkTensors& network : model()) {
      for (const auto& spec : network.tensors) {
        std::size_t count = 1;
        for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
        std::vector<float> values(count, 1.0F);
        loras.add(network.network, spec.name, scales, values);
      }
    }
  } catch (const streamdiffusion::base::Error&) {
  }
  return 0;
}
