// Rounding sizes up, for memory that is cut into pieces.
#pragma once

#include <cstddef>

namespace streamdiffusion::base {

/// One cache line, in bytes: two pieces that start at multiples of it never share a line.
constexpr std::size_t kCacheLine = 64;

/// `bytes` rounded up to a whole number of cache lines.
constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

}  // namespace streamdiffusion::base
