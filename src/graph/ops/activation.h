// Elementwise non-linearities, alone or fused into a convolution or linear layer.
#pragma once

namespace streamdiffusion::graph {

enum class Activation {
  none,
  relu,
  /// x * sigmoid(x)
  silu,
  /// exact: x * (1 + erf(x / sqrt 2)) / 2
  gelu,
  /// x * sigmoid(1.702 x)
  quick_gelu,
  /// 3 tanh(x / 3): AutoencoderTiny's soft clamp of its latents
  tanh3,
};

const char* to_string(Activation activation);

}  // namespace streamdiffusion::graph
