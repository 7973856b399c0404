#include "backend/observe.h"

#include <algorithm>

#include "base/error.h"
#include "base/half.h"

namespace streamdiffusion::backend {
namespace {

template <typename T, typename ToFloat>
void observe_as(const tensor::View& x, const ToFloat& to_float, Observation& seen) {
  const T* values = x.as<T>();
  const std::int64_t count = x.desc.shape.elements();
  double squares = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = to_float(values[i]);
    seen.range.low = std::min(seen.range.low, value);
    seen.range.high = std::max(seen.range.high, value);
    squares += double{value} * value;
  }
  const auto more = static_cast<double>(count);
  seen.mean_square = (seen.mean_square * seen.count + squares) / (seen.count + more);
  seen.count += more;
}

}  // namespace

void observe(const tensor::View& x, Observation& seen) {
  if (x.desc.dtype == tensor::DType::f32)
    return observe_as<float>(
        x, [](float v) { return v; }, seen);
  base::require(x.desc.dtype == tensor::DType::bf16, base::ErrorCode::internal, "observing ",
                tensor::to_string(x.desc.dtype), ", expected f32 or bf16");
  observe_as<std::uint16_t>(
      x, [](std::uint16_t v) { return base::bf16_to_f32(v); }, seen);
}

}  // namespace streamdiffusion::backend
