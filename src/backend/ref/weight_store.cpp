#include "backend/ref/weight_store.h"

#include "base/error.h"
#include "graph/quantize.h"
#include "graph/upsample2x.h"

namespace streamdiffusion::backend::ref {
namespace {

std::string key(const Weights& weights, const graph::Weight& weight, Packing packing, bool int8) {
  std::string key =
      base::concat(weights.key(weight), '\n', static_cast<int>(packing), int8 ? " int8" : "");
  for (const std::int64_t dim : weight.dims) key += ' ' + std::to_string(dim);
  return key;
}

std::vector<float> outputs_innermost(const std::vector<float>& stored, std::size_t outputs) {
  const std::size_t rest = stored.size() / outputs;
  std::vector<float> packed(stored.size());
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t i = 0; i < rest; ++i) packed[i * outputs + o] = stored[o * rest + i];
  }
  return packed;
}

}  // namespace

Values WeightStore::get(const Weights& weights, const graph::Weight& weight, Packing packing,
                        bool int8) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<const std::vector<float>>& entry = tensors_[key(weights, weight, packing, int8)];
  if (Values held = entry.lock()) return held;
  base::require(static_cast<bool>(weights.read), base::ErrorCode::internal,
                "no reader for the weight \"", weight.name, "\"");
  std::size_t elements = 1;
  for (const std::int64_t dim : weight.dims) elements *= static_cast<std::size_t>(dim);
  std::vector<float> values(elements);
  weights.read(weight, values);
  const bool matrix = weight.dims.size() > 1 && packing != Packing::as_stored;
  if (matrix && packing == Packing::upsample2x) {
    std::vector<float> folded(graph::folded_size(weight.dims[0], weight.dims[1]));
    graph::fold_upsample2x(values, weight.dims[0], weight.dims[1], folded);
    values = std::move(folded);
  }
  if (matrix && int8) {
    std::vector<float> scales(static_cast<std::size_t>(weight.dims[0]));
    std::vector<std::int8_t> quantized(values.size());
    graph::per_channel_scales(values, scales);
    graph::quantize_per_channel(values, scales, quantized);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = scales[i / (values.size() / scales.size())] * static_cast<float>(quantized[i]);
  }
  if (matrix) values = outputs_innermost(values, static_cast<std::size_t>(weight.dims[0]));
  const Values shared = std::make_shared<const std::vector<float>>(std::move(values));
  entry = shared;
  return shared;
}

std::size_t WeightStore::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : tensors_) {
    if (const Values values = tensor.lock()) bytes += values->size() * sizeof(float);
  }
  return bytes;
}

}  // namespace streamdiffusion::backend::ref
