// The forms that a convolution has on a processor; make_kernel() takes the first that fits.
#pragma once

#include <algorithm>

#include "backend/cpu/kernel.h"

namespace streamdiffusion::backend::cpu {

/// How many lines of `line_bytes` in scratch memory make a piece that is still in the core's own
/// cache when it is read again. A piece whose weights are larger must not be small: it reads them
/// all.
inline std::int64_t lines_of_tile(std::size_t weight_bytes, std::size_t line_bytes) {
  constexpr std::size_t kCached = std::size_t{256} << 10;
  return static_cast<std::int64_t>(
      std::max<std::size_t>(std::max(weight_bytes, kCached) / line_bytes, 1));
}

/// Of an image seen at twice its size: four convolutions, one for each phase.
std::unique_ptr<Kernel> make_upsample2x(const graph::Conv2d& op, const KernelContext& context);

/// A convolution from or to at most so many channels has a form of its own.
constexpr std::int64_t kFewChannels = 4;
/// Whether an op is one of those at the edges, from or to a few channels, on which the library
/// spends most of its lanes on padding.
bool is_few_channel(const graph::Conv2d& op, tensor::DType dtype);
std::unique_ptr<Kernel> make_few_channel(const graph::Conv2d& op, const KernelContext& context);

}  // namespace streamdiffusion::backend::cpu
