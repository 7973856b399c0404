#include "backend/cuda/host/fibers.h"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <cstddef>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

namespace cuda_on_host {
namespace {

using boost::context::fiber;
using boost::context::pooled_fixedsize_stack;
using boost::context::stack_context;

constexpr unsigned kWarp = 32;
constexpr std::size_t kStackBytes = std::size_t{256} << 10;

/// Stacks that are kept from kernel to kernel: to map them anew took most of the time.
class KeptStacks {
 public:
  stack_context allocate() {
    const stack_context stack = pool_.allocate();
    // what AddressSanitizer knows of the fiber before is not true of this one
    ASAN_UNPOISON_MEMORY_REGION(static_cast<std::byte*>(stack.sp) - stack.size, stack.size);
    return stack;
  }
  void deallocate(stack_context& stack) { pool_.deallocate(stack); }

 private:
  pooled_fixedsize_stack pool_{kStackBytes};
};

thread_local KeptStacks stacks;

enum class State { runs, at_block_barrier, at_warp_barrier, done };

struct Thread {
  fiber resume, scheduler;
  State state = State::done;
  Position position;
  unsigned index = 0;
  std::uint64_t given = 0;
};

Order thread_order = Order::forward;

class Block {
 public:
  Block(dim3 grid, dim3 size, const std::function<void()>& body);
  void run(dim3 index);

 private:
  fiber make_fiber(Thread& thread);
  void run_ready();
  bool release_warps();
  bool release_block();
  std::size_t count(State state) const;

  const std::function<void()>& body_;
  std::vector<Thread> threads_;
  std::vector<unsigned> sequence_;
  std::mt19937 random_{1};
};

thread_local Thread* current = nullptr;
thread_local Thread* first = nullptr;

void suspend(State state) {
  Thread& self = *current;
  self.state = state;
  self.scheduler = std::move(self.scheduler).resume();
}

Block::Block(dim3 grid, dim3 size, const std::function<void()>& body)
    : body_(body), threads_(std::size_t{size.x} * size.y * size.z) {
  sequence_.resize(threads_.size());
  std::iota(sequence_.begin(), sequence_.end(), 0U);
  if (thread_order == Order::reverse) std::reverse(sequence_.begin(), sequence_.end());
  for (unsigned i = 0; i < threads_.size(); ++i) {
    Thread& thread = threads_[i];
    thread.index = i;
    thread.position = {{i % size.x, i / size.x % size.y, i / (size.x * size.y)}, {}, size, grid};
    thread.resume = make_fiber(thread);
  }
}

/// A fiber that runs the kernel once for each time it is resumed from State::done.
fiber Block::make_fiber(Thread& thread) {
  return fiber(std::allocator_arg, stacks, [this, &thread](fiber&& scheduler) {
    thread.scheduler = std::move(scheduler);
    for (;;) {
      body_();
      suspend(State::done);
    }
    return fiber();
  });
}

void Block::run(dim3 index) {
  for (Thread& thread : threads_) {
    thread.position.block = index;
    thread.state = State::runs;
  }
  first = threads_.data();
  while (count(State::done) < threads_.size()) {
    run_ready();
    const bool warps = release_warps();
    if (!warps && !release_block())
      throw std::logic_error("the threads of a block wait for each other at different places");
  }
}

void Block::run_ready() {
  if (thread_order == Order::random) std::shuffle(sequence_.begin(), sequence_.end(), random_);
  for (const unsigned i : sequence_) {
    if (threads_[i].state != State::runs) continue;
    current = &threads_[i];
    threads_[i].resume = std::move(threads_[i].resume).resume();
  }
}

/// Lets the warps go on whose threads all wait at a warp barrier. Whether there is one.
bool Block::release_warps() {
  bool any = false;
  for (std::size_t begin = 0; begin < threads_.size(); begin += kWarp) {
    const auto from = threads_.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto to =
        threads_.begin() + static_cast<std::ptrdiff_t>(std::min(begin + kWarp, threads_.size()));
    const auto is = [](State state) {
      return [state](const Thread& thread) { return thread.state == state; };
    };
    if (std::none_of(from, to, is(State::at_warp_barrier))) continue;
    if (std::any_of(from, to, is(State::done)))
      throw std::logic_error("a warp waits for threads that have ended");
    if (!std::all_of(from, to, is(State::at_warp_barrier))) continue;
    std::for_each(from, to, [](Thread& thread) { thread.state = State::runs; });
    any = true;
  }
  return any;
}

/// Lets the block go on if all its threads wait at the barrier, or have ended.
bool Block::release_block() {
  const std::size_t waiting = count(State::at_block_barrier), ended = count(State::done);
  if (ended == threads_.size()) return true;
  if (waiting + ended < threads_.size()) return false;
  if (ended > 0) throw std::logic_error("a block waits for threads that have ended");
  for (Thread& thread : threads_) thread.state = State::runs;
  return true;
}

std::size_t Block::count(State state) const {
  return static_cast<std::size_t>(
      std::count_if(threads_.begin(), threads_.end(),
                    [state](const Thread& thread) { return thread.state == state; }));
}

}  // namespace

void set_order(Order order) {
  thread_order = order;
}

void run_grid(dim3 grid, dim3 size, const std::function<void()>& thread) {
  Block block(grid, size, thread);
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) block.run({x, y, z});
}

const Position& position() {
  return current->position;
}

void wait_for_block() {
  suspend(State::at_block_barrier);
}

void wait_for_warp() {
  suspend(State::at_warp_barrier);
}

unsigned lane() {
  return current->index % kWarp;
}

std::uint64_t exchange(std::uint64_t value, unsigned source) {
  current->given = value;
  wait_for_warp();
  const std::uint64_t received = first[current->index / kWarp * kWarp + source].given;
  wait_for_warp();  // until all have read
  return received;
}

}  // namespace cuda_on_host
