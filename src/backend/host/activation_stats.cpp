#include "backend/host/activation_stats.h"

#include <algorithm>

#include "base/error.h"
#include "base/half.h"

namespace streamdiffusion::backend::host {
namespace {

template <typename T, typename ToFloat>
void add_as(ActivationStats& stats, const tensor::View& x, const ToFloat& to_float) {
  const T* values = x.as<T>();
  const std::int64_t count = x.desc.shape.elements();
  double squares = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = to_float(values[i]);
    stats.range.low = std::min(stats.range.low, value);
    stats.range.high = std::max(stats.range.high, value);
    squares += double{value} * value;
  }
  const auto added = static_cast<double>(count);
  stats.mean_square = (stats.mean_square * stats.count + squares) / (stats.count + added);
  stats.count += added;
}

}  // namespace

void add_values(ActivationStats& stats, const tensor::View& x) {
  if (x.desc.dtype == tensor::DType::f32) return add_as<float>(stats, x, [](float v) { return v; });
  base::require(x.desc.dtype == tensor::DType::bf16, base::ErrorCode::internal,
                "activation statistics of ", tensor::to_string(x.desc.dtype),
                ", expected f32 or bf16");
  add_as<std::uint16_t>(stats, x, [](std::uint16_t v) { return base::bf16_to_f32(v); });
}

}  // namespace streamdiffusion::backend::host
