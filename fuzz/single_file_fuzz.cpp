// Opens any bytes as a whole model in one file and reads the tensors that it names. Only
// base::Error may be thrown.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "memory_file.h"
#include "weights/single_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace weights = streamdiffusion::weights;
  const streamdiffusion::fuzz::MemoryFile memory(data, size);
  try {
    const weights::SingleFile file = weights::open_single_file(memory.path());
    const std::vector<weights::TensorSpec> some{
        {"conv_in.weight", {32, 4, 3, 3}},
        {"text_model.encoder.layers.0.self_attn.k_proj.weight", {8, 8}},
        {"decoder.conv_in.weight", {8, 4, 3, 3}}};
    for (const auto& part : {file.unet, file.text_encoder, file.text_encoder_2, file.autoencoder}) {
      if (!part) continue;
      try {
        part->weights->check(some);
      } catch (const streamdiffusion::base::Error&) {
      }
      for (const weights::TensorSpec& spec : some) {
        std::size_t count = 1;
        for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
        std::vector<float> values(count);
        try {
          if (part->weights->has(spec.name)) part->weights->read_f32(spec.name, spec.dims, values);
        } catch (const streamdiffusion::base::Error&) {
        }
      }
    }
  } catch (const streamdiffusion::base::Error&) {
  }
  return 0;
}
