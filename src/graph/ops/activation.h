// Elementwise non-linearities, alone or fused behind a convolution or linear layer.
#pragma once

namespace streamdiffusion::graph {

enum class Activation {
  none,
  relu,
  silu,        ///< x * sigmoid(x)
  gelu,        ///< exact: x * (1 + erf(x / sqrt 2)) / 2
  quick_gelu,  ///< x * sigmoid(1.702 x)
  tanh3,       ///< 3 tanh(x / 3): AutoencoderTiny's soft clamp of its latents
};

const char* to_string(Activation activation);

}  // namespace streamdiffusion::graph
