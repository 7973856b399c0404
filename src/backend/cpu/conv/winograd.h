// Winograd's F(4 x 4, 3 x 3) and F(2 x 2, 3 x 3) (Lavin and Gray 2015, arXiv 1509.09308): a tile of
// four by four pixels of a 3 x 3 convolution is made in 36 positions, each a product over channels,
// with 36 instead of 144 multiplications a channel pair; one of two by two in 16, with 16 instead
// of 36.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backend/cpu/kernel.h"

namespace streamdiffusion::backend::cpu {

struct WinogradSize {
  /// Pixels a side that a tile makes: 4 or 2.
  std::int64_t tile = 4;

  /// Pixels a side that it reads.
  constexpr std::int64_t input_tile() const { return tile + 2; }
  constexpr std::int64_t positions() const { return input_tile() * input_tile(); }
};

/// `weight` [out, in, 3, 3] as it is stored, the result [positions, in, out]; `out` a multiple of 16.
std::vector<float> winograd_weight(const WinogradSize& size, std::span<const float> weight,
                                   std::int64_t out, std::int64_t in);

/// The form that a convolution gains most by, or none. It must be f32, or bf16 where
/// bf16 matmuls are no faster, and have so many tiles that the weights, f32 and 4 or 1.8 times as many,
/// are worth reading.
std::optional<WinogradSize> winograd_size(const graph::Conv2d& op, const KernelContext& context);
std::unique_ptr<Kernel> make_winograd(const graph::Conv2d& op, const WinogradSize& size,
                                      const KernelContext& context);

}  // namespace streamdiffusion::backend::cpu
