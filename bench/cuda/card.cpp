#include "cuda/card.h"

#include <algorithm>
#include <vector>

#include "backend/cuda/nvidia/card.h"
#include "backend/cuda/nvidia/cuda_runtime.h"
#include "base/error.h"
#include "base/half.h"

namespace streamdiffusion::bench {
namespace {

using backend::cuda::DeviceBuffer;
using backend::cuda::Runtime;

std::unique_ptr<Runtime> runtime_of_card() {
  const auto reason = backend::cuda::why_no_card();
  base::require(!reason, base::ErrorCode::not_found, reason.value_or(""));
  return backend::cuda::make_runtime();
}

}  // namespace

Card::Card() : runtime(runtime_of_card()), cudnn(runtime->stream()), cublaslt(runtime->stream()) {}

nlohmann::json describe(const Card& card) {
  nlohmann::json facts;
  for (const backend::Detail& detail : card.runtime->details()) facts[detail.name] = detail.value;
  facts["cuDNN"] = backend::cuda::cudnn_library().version();
  facts["cuDNN path"] = backend::cuda::cudnn_library().path;
  facts["cuBLASLt"] = backend::cuda::CublasLt::version();
  facts["properties"] = nlohmann::json::parse(card.cudnn.card_properties());
  return facts;
}

double seconds_of(Runtime& runtime, int count, const std::function<void(int)>& launch) {
  constexpr int kReplays = 5;
  const backend::cuda::StreamLock lock(runtime);
  launch(0);  // loads the kernels, which a capture forbids
  runtime.synchronize();
  runtime.begin_capture();
  for (int i = 0; i < count; ++i) launch(i);
  const auto captured = runtime.end_capture();
  captured->launch();
  const auto begin = runtime.make_event(), end = runtime.make_event();
  double least = 1e9;
  for (int i = 0; i < kReplays; ++i) {
    begin->record();
    captured->launch();
    end->record();
    runtime.synchronize();
    least = std::min(least, end->seconds_since(*begin));
  }
  return least / count;
}

std::unique_ptr<DeviceBuffer> random_memory(Runtime& runtime, std::size_t bytes) {
  constexpr std::size_t kAtOnce = std::size_t{1} << 22;
  std::vector<std::uint16_t> numbers(kAtOnce);
  std::uint32_t state = 1;
  for (std::uint16_t& number : numbers) {
    state = state * 1664525 + 1013904223;
    number = base::f32_to_bf16(static_cast<float>(state >> 8U) / 8388608.0F - 1.0F);
  }
  auto memory = std::make_unique<DeviceBuffer>(runtime, bytes);
  const backend::cuda::StreamLock lock(runtime);
  const std::size_t chunk = numbers.size() * sizeof numbers[0];
  for (std::size_t at = 0; at < bytes; at += chunk)
    runtime.upload(memory->data() + at, reinterpret_cast<const std::byte*>(numbers.data()),
                   std::min(chunk, bytes - at));
  runtime.synchronize();
  return memory;
}

}  // namespace streamdiffusion::bench
