// Where weights lie before and after they are packed, and the threads that pack them.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "backend/cpu/make_kernels.h"
#include "base/error.h"
#include "base/thread.h"
#include "support/errors.h"
#include "tensor/buffer.h"

namespace streamdiffusion::backend::cpu {
namespace {

using tensor::Buffer;

TEST(Buffer, IsZeroAndAlignedInEitherKind) {
  constexpr std::size_t kLarge = (std::size_t{5} << 20) + 1;
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{100'000}, kLarge}) {
    for (const Buffer& buffer : {Buffer(bytes), Buffer::to_be_filled(bytes)}) {
      ASSERT_EQ(buffer.size(), bytes);
      const std::uintptr_t alignment = bytes == kLarge ? std::size_t{2} << 20 : 64;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % alignment, 0U) << bytes;
      EXPECT_TRUE(std::all_of(buffer.data(), buffer.data() + bytes,
                              [](std::byte byte) { return byte == std::byte{0}; }));
      std::fill(buffer.data(), buffer.data() + bytes, std::byte{1});
    }
  }
  EXPECT_EQ(Buffer::to_be_filled(0).data(), nullptr);
}

TEST(Staging, KeepsWhatIsSmallAndOneAreaDoesNotTouchTheOther) {
  Staging staging;
  const auto stored = staging.stored(1000);
  std::ranges::fill(stored, 1.0F);
  std::ranges::fill(staging.transformed(5000), 2.0F);
  EXPECT_EQ(std::ranges::count(stored, 1.0F), 1000);
  EXPECT_EQ(staging.stored(10).data(), stored.data());
  EXPECT_EQ(staging.stored(std::size_t{20} << 20).size(), std::size_t{20} << 20);
}

TEST(MakeKernels, MakesEachOnce) {
  std::vector<std::atomic<int>> made(200);
  make_kernels(made.size(), 4, [&](std::size_t i, Staging& staging) {
    staging.stored(100)[99] = 1;
    ++made[i];
  });
  for (const auto& times : made) EXPECT_EQ(times, 1);
  make_kernels(0, 4, [](std::size_t, Staging&) { FAIL(); });
}

TEST(MakeKernels, ThrowsWhatTheFirstOneThrew) {
  for (int round = 0; round < 50; ++round) {
    const std::string error = testing::error_of([] {
      make_kernels(100, 4, [](std::size_t i, Staging&) {
        if (i >= 20) base::fail(base::ErrorCode::io, "kernel ", i);
      });
    });
    ASSERT_EQ(error, "kernel 20");
  }
}

TEST(MakeKernels, DoesWithoutThreadsThatTheSystemRefuses) {
  base::set_thread_hook([] { base::fail(base::ErrorCode::busy, "no more threads"); });
  int made = 0;
  make_kernels(10, 4, [&](std::size_t, Staging&) { ++made; });
  base::set_thread_hook({});
  EXPECT_EQ(made, 10);
}

}  // namespace
}  // namespace streamdiffusion::backend::cpu
