// Sinusoidal embedding of a timestep. Frequencies and phases are rounded to f32 where PyTorch
// rounds them, because models were trained with that rounding: at t = 999 it changes a phase by up
// to 6e-5.
#include <cmath>

#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {
namespace {

float frequency(std::int64_t k, std::int64_t half, float freq_shift) {
  const float exponent = -static_cast<float>(std::log(10000.0)) * static_cast<float>(k);
  return static_cast<float>(std::exp(double{exponent / (static_cast<float>(half) - freq_shift)}));
}

}  // namespace

void run(const graph::TimestepEmbedding& op, const Call& call) {
  const std::int64_t half = op.width / 2;
  for (std::int64_t row = 0; row < call.output.shape.n; ++row) {
    float* out = call.output.row(row);
    float* cosines = op.flip_sin_to_cos ? out : out + half;
    float* sines = op.flip_sin_to_cos ? out + half : out;
    for (std::int64_t k = 0; k < half; ++k) {
      const float phase = call.inputs[0].data[row] * frequency(k, half, op.freq_shift);
      cosines[k] = static_cast<float>(std::cos(double{phase}));
      sines[k] = static_cast<float>(std::sin(double{phase}));
    }
    if (op.width % 2 != 0) out[op.width - 1] = 0;
  }
}

}  // namespace streamdiffusion::backend::ref
