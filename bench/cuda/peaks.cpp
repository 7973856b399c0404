#include "cuda/peaks.h"

#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/layer_timer.h"

namespace streamdiffusion::bench {
namespace {

using backend::cuda::DeviceBuffer;
using backend::cuda::random_memory;
using backend::cuda::seconds_of;

double product_tflops(Card& card) {
  constexpr std::int64_t kSide = 8192;
  constexpr std::size_t kBytes = std::size_t{2} * kSide * kSide;
  const auto x = random_memory(*card.runtime, kBytes),
             weight = random_memory(*card.runtime, kBytes);
  const DeviceBuffer y(*card.runtime, kBytes);
  const backend::cuda::GemmShape shape{.tokens = kSide,
                                       .in = kSide,
                                       .out = kSide,
                                       .dtype = tensor::DType::bf16,
                                       .output_dtype = tensor::DType::bf16};
  const auto gemm = std::move(card.cublaslt.gemms(shape, 1).front());
  const DeviceBuffer workspace(*card.runtime, gemm->workspace_bytes());
  const double seconds = seconds_of(*card.runtime, 5, [&](int) {
    gemm->run(
        {.x = x->data(), .weight = weight->data(), .y = y.data(), .workspace = workspace.data()});
  });
  return 2e-12 * kSide * kSide * kSide / seconds;
}

/// By our own kernel, over more than the card's caches hold.
double copy_gigabytes_a_second(Card& card) {
  constexpr std::int64_t kChannels = 1024, kTokens = std::int64_t{1} << 19;
  const tensor::Desc desc{{1, kTokens, 1, kChannels}, tensor::DType::bf16};
  const auto x = random_memory(*card.runtime, desc.bytes());
  const DeviceBuffer y(*card.runtime, desc.bytes());
  const double seconds = seconds_of(*card.runtime, 3, [&](int) {
    backend::cuda::launch_act(graph::Activation::none, {x->data(), desc}, {y.data(), desc},
                              card.runtime->stream());
  });
  return 2e-9 * static_cast<double>(desc.bytes()) / seconds;
}

double small_kernel_microseconds(Card& card) {
  constexpr int kKernels = 1000;
  const tensor::Desc desc{{1, 1, 1, 8}, tensor::DType::bf16};
  const auto x = random_memory(*card.runtime, desc.bytes());
  return 1e6 * seconds_of(*card.runtime, kKernels, [&](int) {
           backend::cuda::launch_act(graph::Activation::none, {x->data(), desc}, {x->data(), desc},
                                     card.runtime->stream());
         });
}

}  // namespace

nlohmann::json measure_peaks(Card& card) {
  return {{"product_tflops", product_tflops(card)},
          {"copy_gigabytes_a_second", copy_gigabytes_a_second(card)},
          {"small_kernel_microseconds", small_kernel_microseconds(card)}};
}

}  // namespace streamdiffusion::bench
