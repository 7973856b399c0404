// Opens any bytes as a whole model in one file, as each single component and as a ControlNet, and
// reads the tensors that it names. Only base::Error may be thrown.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "memory_file.h"
#include "weights/controlnet_file.h"
#include "weights/single_component.h"
#include "weights/single_file.h"

namespace {

namespace weights = streamdiffusion::weights;

void read_some(const weights::WeightSource& source) {
  const std::vector<weights::TensorSpec> some{
      {"conv_in.weight", {32, 4, 3, 3}},
      {"text_model.encoder.layers.0.self_attn.k_proj.weight", {8, 8}},
      {"text_projection.weight", {3, 2}},
      {"encoder.layers.0.weight", {2, 3, 1, 1}},
      {"decoder.conv_in.weight", {8, 4, 3, 3}}};
  try {
    source.check(some);
  } catch (const streamdiffusion::base::Error&) {
  }
  for (const weights::TensorSpec& spec : some) {
    std::size_t count = 1;
    for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
    std::vector<float> values(count);
    try {
      if (source.has(spec.name)) source.read_f32(spec.name, spec.dims, values);
    } catch (const streamdiffusion::base::Error&) {
    }
  }
}

/// Calls a reader of a component; what it refuses is no fault.
template <typename Open>
void try_reading(const Open& open) {
  try {
    read_some(*open().weights);
  } catch (const streamdiffusion::base::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const streamdiffusion::fuzz::MemoryFile memory(data, size);
  try {
    const weights::SingleFile file = weights::open_single_file(memory.path());
    for (const auto& part : {file.unet, file.text_encoder, file.text_encoder_2, file.autoencoder}) {
      if (part) read_some(*part->weights);
    }
  } catch (const streamdiffusion::base::Error&) {
  }
  const std::string path = memory.path();
  try_reading([&] { return weights::open_controlnet_file(path); });
  try_reading([&] { return weights::open_autoencoder(path, std::nullopt, 1); });
  try_reading([&] { return weights::open_unet(path, std::nullopt); });
  try_reading([&] { return weights::open_text_encoder(path, false); });
  try_reading([&] { return weights::open_text_encoder(path, true); });
  return 0;
}
