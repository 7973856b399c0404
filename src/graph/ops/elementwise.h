// Ops that move or map single elements. None reduces; only the embedding has weights.
#pragma once

#include <span>

#include "graph/ops/activation.h"
#include "tensor/tensor.h"

namespace streamdiffusion::graph {

/// a + b, same shape and type.
struct Add {
  static constexpr const char* kName = "add";
  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// a + scales[row, column] * b: a and b of the same shape and type, scales f32 [n, 1, 1, columns]
/// with n the rows of a. What a ControlNet adds to a UNet, weighted by row.
struct AddScaled {
  static constexpr const char* kName = "add_scaled";
  std::int64_t column = 0;
  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// One activation on its own.
struct Act {
  static constexpr const char* kName = "act";
  Activation act = Activation::none;
  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// scale * x + shift with a change of type between u8, bf16 and f32: casts, pixels to numbers and
/// back, latent scaling. To u8 it rounds to nearest and saturates.
struct Convert {
  static constexpr const char* kName = "convert";
  float scale = 1.0F, shift = 0.0F;
  tensor::DType to = tensor::DType::f32;
  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// Nearest-neighbor resize to [h, w]; the source index is floor(i * in / out), as PyTorch has it.
struct UpsampleNearest {
  static constexpr const char* kName = "upsample_nearest";
  std::int64_t h = 0, w = 0;
  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// [a, b] side by side on channels.
struct ConcatChannels {
  static constexpr const char* kName = "concat_channels";
  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// The tokens of b behind those of a, row by row: a [n, ...] with p tokens a row and b with q, both
/// of c channels, give [n, p + q, 1, c].
struct ConcatTokens {
  static constexpr const char* kName = "concat_tokens";
  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// Channels [first, first + count).
struct SliceChannels {
  static constexpr const char* kName = "slice_channels";
  std::int64_t first = 0, count = 0;
  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// Token plus position embedding. input: ids i32 [n, tokens, 1, 1], each in [0, vocabulary).
/// weights: token table [vocabulary, width], position table [positions, width], positions >=
/// tokens.
struct Embedding {
  static constexpr const char* kName = "embedding";
  std::int64_t vocabulary = 0, positions = 0, width = 0;
  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// Sinusoidal embedding of a timestep. input: f32 [n, 1, 1, 1]. Frequencies exp(-ln(10000) k /
/// (half - freq_shift)), k = 0..half-1, half = width / 2; cosines first when flip_sin_to_cos. An
/// odd width ends in a zero.
struct TimestepEmbedding {
  static constexpr const char* kName = "timestep_embedding";
  std::int64_t width = 0;
  bool flip_sin_to_cos = true;
  float freq_shift = 0.0F;
  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

}  // namespace streamdiffusion::graph
