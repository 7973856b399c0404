// Winograd's F(4 x 4, 3 x 3) (Lavin and Gray 2015, arXiv 1509.09308): a tile of four by four pixels
// of a 3 x 3 convolution is made in 36 places, each a product over channels, with 36 instead of 144
// multiplications a channel pair.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/cpu/kernel.h"

namespace streamdiffusion::backend::cpu {

constexpr std::int64_t kWinogradTile = 4, kWinogradPatch = 6;  ///< Pixels a side, out and in.
constexpr std::int64_t kWinogradPlaces = kWinogradPatch * kWinogradPatch;

/// `weight` [out, in, 3, 3] as it is stored, the result [places, in, out]; `out` a multiple of 16.
std::vector<float> winograd_weight(std::span<const float> weight, std::int64_t out,
                                   std::int64_t in);

/// Whether a convolution gains by it: f32, or bf16 where its own products are no faster, and so
/// many tiles that its weights, which grow four times as large and f32, are worth reading.
bool wants_winograd(const graph::Conv2d& op, const KernelContext& context);
std::unique_ptr<Kernel> make_winograd_conv2d(const graph::Conv2d& op, const KernelContext& context);

}  // namespace streamdiffusion::backend::cpu
