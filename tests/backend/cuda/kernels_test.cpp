// The cuda device over the whole op table, in f32, bf16 and f16, with the threads of each block in
// three orders. A card is not needed: the kernels run on the processor (host/fibers.h).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <thread>

#include "backend/cuda/host/cuda_runtime.h"
#include "backend/cuda/host_device.h"
#include "backend/op_cases.h"
#include "backend/op_expect.h"
#include "base/error.h"

namespace streamdiffusion::backend::test {
namespace {

using cuda_on_host::Order;
using tensor::DType;

constexpr std::array kOrders = {Order::forward, Order::reverse, Order::random};

/// What the library computes does not depend on the order, and a sanitizer is slow.
std::vector<Order> orders_of(const OpCase& op) {
#if defined(__SANITIZE_ADDRESS__)
  return {Order::reverse};
#endif
  if (op.name.starts_with("conv2d")) return {Order::random};
  return {kOrders.begin(), kOrders.end()};
}

struct Parameters {
  DType dtype;
  const OpCase* op;
};

std::string label(const Parameters& p) {
  return std::string(tensor::to_string(p.dtype)) + "_" + p.op->name;
}

void PrintTo(const Parameters& p, std::ostream* out) {
  *out << label(p);
}

class CudaOps : public ::testing::TestWithParam<Parameters> {};

TEST_P(CudaOps, EqualTheReferenceInAnyOrderOfThreads) {
  const OpCase& op = *GetParam().op;
  const DType dtype = GetParam().dtype;
  const auto reference = make_device("ref");
  const CaseOutputs expected = run_case(*reference, op, {.rounded_to = dtype});
  cuda::test::HostRuntime::Record record;
  const auto device = cuda::test::make_host_device(record);
  CaseOutputs first;
  for (const Order order : orders_of(op)) {
    cuda_on_host::set_order(order);
    SCOPED_TRACE(static_cast<int>(order));
    const CaseOutputs found = run_case(*device, op, {.dtype = dtype, .rounded_to = dtype});
    expect_close(op, dtype, found, expected);
    if (first.empty()) first = found;
    for (const auto& [name, output] : found) EXPECT_TRUE(output.bytes == first.at(name).bytes);
  }
}

std::vector<Parameters> parameters() {
  std::vector<Parameters> all;
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    for (const OpCase& op : op_cases()) all.push_back({dtype, &op});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Table, CudaOps, ::testing::ValuesIn(parameters()),
                         [](const auto& test) { return label(test.param); });

const OpCase& a_block() {
  static const OpCase block = block_cases().at(0);
  return block;
}

TEST(CudaDevice, AReplayedProgramGivesTheSameBits) {
  cuda_on_host::set_order(Order::forward);
  for (const OpCase& op : block_cases()) {
    SCOPED_TRACE(op.name);
    cuda::test::HostRuntime::Record record;
    const auto device = cuda::test::make_host_device(record);
    CaseRun run(*device, op, {.dtype = DType::bf16, .rounded_to = DType::bf16});
    run.run();
    const CaseOutputs launched = run.outputs();
    for (int times = 0; times < 2; ++times) {
      run.spoil_outputs();
      run.run();
      for (const auto& [name, output] : run.outputs())
        EXPECT_TRUE(output.bytes == launched.at(name).bytes) << name;
    }
    EXPECT_GT(record.captures, 0);
    EXPECT_EQ(record.replays, 2 * record.captures);
  }
}

TEST(CudaDevice, ReleasesAllMemory) {
  cuda::test::HostRuntime::Record record;
  for (const OpCase& op : block_cases())
    run_case(*cuda::test::make_host_device(record), op, {.dtype = DType::bf16});
  EXPECT_GT(record.allocations, 0);
  EXPECT_EQ(record.releases, record.allocations);
}

TEST(CudaDevice, UploadsAWeightOnce) {
  cuda::test::HostRuntime::Record record;
  const auto device = cuda::test::make_host_device(record);
  const CaseRun first(*device, op_case("group_norm_c32"), {});
  const int uploads = record.uploads;
  const CaseRun second(*device, op_case("group_norm_c32"), {});
  EXPECT_GT(uploads, 0);
  EXPECT_EQ(record.uploads, uploads);
}

TEST(CudaDevice, TakesTheTimeOfEveryOpAndThenRunsWithoutEvents) {
  cuda::test::HostRuntime::Record record;
  const auto device = cuda::test::make_host_device(record, {.profile = true});
  CaseRun run(*device, a_block(), {});
  run.run();
  const CaseOutputs expected = run.outputs();
  double before = 0;
  for (int times = 1; times <= 3; ++times) {
    for (const OpReport& op : run.executable().report()) {
      ASSERT_EQ(op.spans.size(), 1U);
      EXPECT_GT(op.seconds, 0) << op.name;
      EXPECT_GE(op.spans[0].end, op.spans[0].begin);
    }
    const int events = record.events;
    run.run();
    // launched, launched as a graph, and from then on without events
    EXPECT_EQ(record.events > events, times < 2) << times;
    for (const auto& [name, output] : run.outputs())
      EXPECT_TRUE(output.bytes == expected.at(name).bytes) << name;
    double seconds = 0;
    for (const OpReport& op : run.executable().report()) seconds += op.seconds;
    if (times >= 2) {
      EXPECT_EQ(seconds, before);
    }
    before = seconds;
  }
}

TEST(CudaDevice, SaysWhatIsNeededWhatIsFreeAndWhatWouldFit) {
  cuda::test::HostRuntime::Record record;
  const auto error_with = [&](std::size_t free_memory) -> std::string {
    record.free_memory = free_memory;
    const auto device = cuda::test::make_host_device(record);
    try {
      const CaseRun run(*device, a_block(), {});
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::busy);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(error_with(std::size_t{1} << 30), "");
  EXPECT_THAT(error_with(16), ::testing::HasSubstr("all weights of "));
  const auto device = cuda::test::make_host_device(record);
  record.free_memory = std::size_t{1} << 30;
  const std::size_t arena = CaseRun(*device, a_block(), {}).executable().arena_bytes();
  const std::string error = error_with(arena / 2);
  EXPECT_THAT(error, ::testing::HasSubstr("the activations need "));
  EXPECT_THAT(error, ::testing::HasSubstr("about 50 % of these pixels and rows would fit"));
  EXPECT_EQ(record.releases, record.allocations);
}

TEST(CudaDevice, AGroupNormAddsTheRowBiasOfTheConvolutionBeforeIt) {
  cuda::test::HostRuntime::Record record;
  const auto device = cuda::test::make_host_device(record);
  CaseRun run(*device, op_case("block_unet"), {.dtype = DType::bf16});
  int convolutions = 0;
  for (const OpReport& op : run.executable().report()) {
    if (!op.name.ends_with("conv1")) continue;
    EXPECT_EQ(op.implementation, "host") << op.name;
    ++convolutions;
  }
  EXPECT_GT(convolutions, 0);
}

TEST(CudaDevice, CompilesBesideAProgramThatIsCaptured) {
  cuda::test::HostRuntime::Record record;
  const auto device = cuda::test::make_host_device(record);
  CaseRun running(*device, a_block(), {});
  running.run();
  const CaseOutputs expected = running.outputs();
  std::exception_ptr failure;
  std::jthread other([&] {
    try {
      for (int i = 0; i < 8; ++i) {
        const CaseRun compiled(*device, op_case("attention_causal_7"), {});
      }
    } catch (...) {
      failure = std::current_exception();
    }
  });
  for (int i = 0; i < 8; ++i) {
    CaseRun run(*device, a_block(), {});
    for (int times = 0; times < 3; ++times) run.run();
    for (const auto& [name, output] : run.outputs())
      EXPECT_TRUE(output.bytes == expected.at(name).bytes) << name;
  }
  other.join();
  EXPECT_EQ(failure, nullptr);
}

/// Each call to the runtime fails once.
TEST(CudaDevice, AFailedCallIsAnErrorAndLeaksNothing) {
  const OpCase& op = a_block();
  int failures = 0;
  for (int call = 1;; ++call) {
    cuda::test::HostRuntime::Record record{.fail_in = call};
    bool failed = false;
    try {
      const auto device = cuda::test::make_host_device(record);
      CaseRun run(*device, op, {});
      for (int times = 0; times < 3; ++times) run.run();
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::internal) << error.what();
      failed = true;
    }
    EXPECT_EQ(record.releases, record.allocations) << "call " << call;
    if (!failed) break;
    ++failures;
  }
  EXPECT_GT(failures, 10);
}

// The fibers themselves: each of these kernels would be wrong on a card.

__global__ void add_neighbor(int* sum, bool with_barrier) {
  __shared__ int values[64];
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  if (with_barrier) __syncthreads();
  sum[threadIdx.x] = values[threadIdx.x] + values[63 - threadIdx.x];
}

std::vector<int> sums_of_neighbors(Order order, bool with_barrier) {
  cuda_on_host::set_order(order);
  std::vector<int> sums(64);
  cuda_on_host::run_grid(dim3(1), dim3(64), [] {
    // leaves nothing in shared memory that an earlier run wrote
    add_neighbor(std::vector<int>(64).data(), false);
  });
  cuda_on_host::run_grid(dim3(1), dim3(64), [&] { add_neighbor(sums.data(), with_barrier); });
  return sums;
}

TEST(CudaOnHost, BarriersAreKept) {
  for (const Order order : kOrders)
    EXPECT_EQ(sums_of_neighbors(order, true), std::vector<int>(64, 63));
}

TEST(CudaOnHost, ABarrierThatSomeThreadsNeverReachIsAnError) {
  const auto run = [](auto body) { cuda_on_host::run_grid(dim3(2), dim3(64), body); };
  EXPECT_THROW(run([] {
                 if (threadIdx.x < 32) __syncthreads();
               }),
               std::logic_error);
  EXPECT_THROW(run([] {
                 if (threadIdx.x < 16) __syncwarp();
               }),
               std::logic_error);
  EXPECT_THROW(run([] { threadIdx.x < 32 ? __syncthreads() : __syncwarp(); }), std::logic_error);
}

TEST(CudaOnHost, ShufflesExchangeWithinAWarp) {
  std::vector<int> received(64);
  cuda_on_host::run_grid(dim3(1), dim3(64), [&] {
    received[threadIdx.x] = __shfl_xor_sync(0xffffffffU, static_cast<int>(threadIdx.x), 1);
  });
  for (int i = 0; i < 64; ++i) EXPECT_EQ(received[static_cast<std::size_t>(i)], i ^ 1);
}

TEST(CudaOnHost, LaunchesThatACardRefusesAreRefused) {
  const cudaLaunchConfig_t config{dim3(1), dim3(2048), 0, nullptr};
  EXPECT_EQ(cudaLaunchKernelEx(
                &config, +[](int) {}, 1),
            cudaErrorInvalidConfiguration);
}

}  // namespace
}  // namespace streamdiffusion::backend::test
