#include "backend/cuda/layer_timer.h"

#include <algorithm>
#include <vector>

#include "base/align.h"
#include "base/error.h"
#include "base/half.h"

namespace streamdiffusion::backend::cuda {
namespace {

/// The least seconds of several launches of what was captured.
double least_seconds(Runtime& runtime, CapturedGraph& captured) {
  constexpr int kReplays = 5;
  const auto begin = runtime.make_event(), end = runtime.make_event();
  double least = 1e9;
  for (int i = 0; i < kReplays; ++i) {
    begin->record();
    captured.launch();
    end->record();
    runtime.synchronize();
    least = std::min(least, end->seconds_since(*begin));
  }
  return least;
}

std::size_t turns_of(std::size_t stride, std::size_t cache, int most) {
  const std::size_t cold = (2 * cache + stride - 1) / stride;
  return std::clamp<std::size_t>(cold, 1, static_cast<std::size_t>(most));
}

std::vector<std::uint16_t> random_numbers(std::size_t count) {
  std::vector<std::uint16_t> numbers(count);
  std::uint32_t state = 1;
  for (std::uint16_t& number : numbers) {
    state = state * 1664525 + 1013904223;
    number = base::f32_to_bf16(static_cast<float>(state >> 8U) / 8388608.0F - 1.0F);
  }
  return numbers;
}

/// After a failure: what was queued before it still uses memory that the caller releases next.
void finish_queued(Runtime& runtime) {
  try {
    runtime.synchronize();
  } catch (const base::Error&) {
    // the failure that came first is the one to tell
  }
}

}  // namespace

double seconds_of(Runtime& runtime, int count, const std::function<void(int)>& launch) {
  const StreamLock lock(runtime);
  try {
    launch(0);  // loads the kernels, which a capture forbids
    runtime.synchronize();
    const auto captured = capture(runtime, [&] {
      for (int i = 0; i < count; ++i) launch(i);
    });
    captured->launch();
    return least_seconds(runtime, *captured) / count;
  } catch (const base::Error&) {
    finish_queued(runtime);
    throw;
  }
}

std::unique_ptr<DeviceBuffer> random_memory(Runtime& runtime, std::size_t bytes) {
  constexpr std::size_t kFromHost = std::size_t{1} << 20;
  auto memory = std::make_unique<DeviceBuffer>(runtime, bytes);
  const std::vector<std::uint16_t> numbers = random_numbers(std::min(bytes, kFromHost) / 2 + 1);
  const StreamLock lock(runtime);
  std::size_t filled = std::min(bytes, kFromHost);
  runtime.upload(memory->data(), reinterpret_cast<const std::byte*>(numbers.data()), filled);
  while (filled < bytes) {
    const std::size_t more = std::min(filled, bytes - filled);
    runtime.copy(memory->data() + filled, memory->data(), more);
    filled += more;
  }
  runtime.synchronize();
  return memory;
}

LayerBytes bytes_of(const ConvolutionShape& s) {
  const std::size_t size = tensor::size_of(s.dtype);
  const auto elements = [](const tensor::Shape& shape) {
    return static_cast<std::size_t>(shape.elements());
  };
  return {.x = size * elements(s.x),
          .weight = size * elements(s.form.weight_shape(s.op)),
          .bias = s.form.bias ? size * static_cast<std::size_t>(s.op.out) : 0,
          .residual = s.form.residual ? size * elements(s.y) : 0,
          .y = size * elements(s.y)};
}

LayerBytes bytes_of(const GemmShape& s) {
  const std::size_t in = tensor::size_of(s.dtype), out = tensor::size_of(s.output_dtype);
  const auto elements = [](std::int64_t a, std::int64_t b) {
    return static_cast<std::size_t>(a * b);
  };
  return {.x = in * elements(s.tokens, s.in),
          .weight = in * elements(s.products * s.out, s.in),
          .bias = s.bias ? out * elements(s.products, s.out) : 0,
          .residual = s.residual ? out * elements(s.tokens, s.out) : 0,
          .y = out * (elements(s.products - 1, s.y_stride) + elements(s.tokens, s.out))};
}

LayerTimer::LayerTimer(Runtime& runtime, const LayerBytes& bytes)
    : runtime_(runtime),
      stride_(base::aligned(std::max<std::size_t>(bytes.weight, 1))),
      turns_(turns_of(stride_, runtime.cache_bytes(), kMostLaunches)),
      x_(random_memory(runtime, bytes.x)),
      weights_(random_memory(runtime, turns_ * stride_)),
      bias_(bytes.bias == 0 ? nullptr : random_memory(runtime, bytes.bias)),
      residual_(bytes.residual == 0 ? nullptr : random_memory(runtime, bytes.residual)),
      y_(runtime, bytes.y),
      workspace_(runtime, bytes.workspace) {}

LayerOperands LayerTimer::operands(int launch) const {
  return {.x = x_->data(),
          .weight = weights_->data() + static_cast<std::size_t>(launch) % turns_ * stride_,
          .bias = bias_ ? bias_->data() : nullptr,
          .residual = residual_ ? residual_->data() : nullptr,
          .y = y_.data(),
          .workspace = workspace_.data()};
}

double LayerTimer::seconds(const std::function<void(const LayerOperands&)>& run) {
  constexpr double kEnough = 2e-3;  // of one replay
  const auto launch = [&](int i) { run(operands(i)); };
  const double first = seconds_of(runtime_, 1, launch);
  const double fitting = kEnough / std::max(first, 1e-6);
  const int count = static_cast<int>(std::clamp<double>(fitting, 2, kMostLaunches));
  return seconds_of(runtime_, count, launch);
}

}  // namespace streamdiffusion::backend::cuda
