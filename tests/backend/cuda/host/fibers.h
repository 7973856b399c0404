// Runs CUDA kernels on the processor: one fiber a thread, one block after another.
//
// Barriers and shuffles suspend a fiber until the others arrive. Threads run in a chosen order, so
// that a kernel with a missing barrier gives a different result in another order. What a card would
// leave undefined is an error: a barrier that some threads of the block do not reach, a shuffle
// within a warp that has threads missing.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3() = default;
  constexpr dim3(unsigned x_, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace cuda_on_host {

enum class Order { forward, reverse, random };
/// Of the threads of a block, from now on.
void set_order(Order order);

/// Runs every block of the grid. Throws std::logic_error for what a card would leave undefined.
void run_grid(dim3 grid, dim3 block, const std::function<void()>& thread);

/// Of the running fiber.
struct Position {
  dim3 thread, block, block_size, grid_size;
};
const Position& position();

void wait_for_block();
void wait_for_warp();
/// The value that lane `source` of this warp gives in the same call.
std::uint64_t exchange(std::uint64_t value, unsigned source);
unsigned lane();

template <typename T>
T shuffle(T value, unsigned source) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = exchange(bits, source);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace cuda_on_host
