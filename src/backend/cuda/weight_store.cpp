#include "backend/cuda/weight_store.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/half.h"
#include "graph/upsample2x.h"

namespace streamdiffusion::backend::cuda {
namespace {

using Order = WeightLayout::Order;

std::string key_of(const Weights& weights, const graph::Weight& weight,
                   const WeightLayout& layout) {
  std::string key = base::concat(weights.key(weight), '\n', static_cast<int>(layout.order), ' ',
                                 tensor::to_string(layout.dtype), ' ', layout.in);
  for (const std::int64_t dim : weight.dims) key += ' ' + std::to_string(dim);
  return key;
}

std::vector<float> read(const Weights& weights, const graph::Weight& weight) {
  base::require(static_cast<bool>(weights.read), base::ErrorCode::internal,
                "no reader for the weight \"", weight.name, "\"");
  std::size_t elements = 1;
  for (const std::int64_t dim : weight.dims) elements *= static_cast<std::size_t>(dim);
  std::vector<float> values(elements);
  weights.read(weight, values);
  return values;
}

/// Throws unsupported, naming the weight and the value, for one that would become infinite in f16.
void require_range(const std::vector<float>& values, tensor::DType dtype, const std::string& name) {
  constexpr float kFirstInfinite = 65520;
  if (dtype != tensor::DType::f16) return;
  const auto large = std::find_if(values.begin(), values.end(), [](float value) {
    return std::isfinite(value) && std::abs(value) >= kFirstInfinite;
  });
  if (large == values.end()) return;
  base::fail(base::ErrorCode::unsupported, "the weight \"", name, "\" has the value ", *large,
             ", f16 ends at 65504; expected dtype bf16 or f32");
}

std::vector<std::byte> stored_as(const std::vector<float>& values, tensor::DType dtype,
                                 const std::string& name) {
  std::vector<std::byte> bytes(values.size() * tensor::size_of(dtype));
  if (dtype == tensor::DType::f32) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  require_range(values, dtype, name);
  const auto convert = dtype == tensor::DType::bf16 ? base::f32_to_bf16 : base::f32_to_f16;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = convert(values[i]);
    std::memcpy(bytes.data() + i * sizeof bits, &bits, sizeof bits);
  }
  return bytes;
}

/// [out, in, taps] -> [out, taps, padded in].
std::vector<float> channels_last(const std::vector<float>& stored, std::size_t out, std::size_t in,
                                 std::size_t padded) {
  const std::size_t taps = stored.size() / (out * in);
  std::vector<float> values(out * taps * padded);
  for (std::size_t o = 0; o < out; ++o)
    for (std::size_t i = 0; i < in; ++i)
      for (std::size_t t = 0; t < taps; ++t)
        values[(o * taps + t) * padded + i] = stored[(o * in + i) * taps + t];
  return values;
}

/// The folded weight [out, phase, in, 2, 2] as [padded in, 4, 4, out]. Phase (a, b) of an output
/// pixel reads input line i - 1 + a + r through tap 3 - a - 2 r of the transposed convolution, and
/// columns alike.
std::vector<float> transposed(const std::vector<float>& stored, std::size_t out, std::size_t in,
                              std::size_t padded) {
  const auto outs = static_cast<std::int64_t>(out), ins = static_cast<std::int64_t>(in);
  std::vector<float> folded(graph::folded_size(outs, ins));
  graph::fold_upsample2x(stored, outs, ins, folded);
  std::vector<float> values(padded * 16 * out);
  for (std::size_t o = 0; o < out; ++o) {
    for (std::size_t index = 0; index < 16 * in; ++index) {
      const std::size_t s = index % 2, r = index / 2 % 2, i = index / 4 % in;
      const std::size_t phase = index / 4 / in, a = phase / 2, b = phase % 2;
      const std::size_t line = 3 - a - 2 * r, column = 3 - b - 2 * s;
      values[((i * 4 + line) * 4 + column) * out + o] = folded[o * 16 * in + index];
    }
  }
  return values;
}

}  // namespace

std::vector<float> reordered(const std::vector<float>& stored,
                             const std::vector<std::int64_t>& dims, const WeightLayout& layout) {
  if (layout.order == Order::as_stored) return stored;
  const auto out = static_cast<std::size_t>(dims.at(0)), in = static_cast<std::size_t>(dims.at(1));
  const std::size_t padded = layout.in == 0 ? in : static_cast<std::size_t>(layout.in);
  return layout.order == Order::transposed ? transposed(stored, out, in, padded)
                                           : channels_last(stored, out, in, padded);
}

DeviceWeight WeightStore::get(const Weights& weights, const graph::Weight& weight,
                              const WeightLayout& layout) {
  return find_or_upload(
      key_of(weights, weight, layout), weight.name,
      [&] { return reordered(read(weights, weight), weight.dims, layout); }, layout.dtype);
}

DeviceWeight WeightStore::get_sum(const Weights& weights, const graph::Weight& a,
                                  const graph::Weight& b, tensor::DType dtype) {
  const WeightLayout layout{.dtype = dtype};
  return find_or_upload(
      key_of(weights, a, layout) + " + " + b.name, a.name,
      [&] {
        std::vector<float> sum = read(weights, a);
        const std::vector<float> extra = read(weights, b);
        std::transform(sum.begin(), sum.end(), extra.begin(), sum.begin(), std::plus<>());
        return sum;
      },
      dtype);
}

DeviceWeight WeightStore::get_stack(const Weights& weights, const std::vector<graph::Weight>& parts,
                                    tensor::DType dtype) {
  std::string key;
  for (const graph::Weight& part : parts) key += key_of(weights, part, {.dtype = dtype}) + " | ";
  return find_or_upload(
      key, parts.front().name,
      [&] {
        std::vector<float> all;
        for (const graph::Weight& part : parts) {
          const std::vector<float> values = read(weights, part);
          all.insert(all.end(), values.begin(), values.end());
        }
        return all;
      },
      dtype);
}

DeviceWeight WeightStore::find_or_upload(const std::string& key, const std::string& name,
                                         const std::function<std::vector<float>()>& make,
                                         tensor::DType dtype) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<const DeviceBuffer>& entry = tensors_[key];
  if (DeviceWeight held = entry.lock()) return held;
  const std::vector<std::byte> bytes = stored_as(make(), dtype, name);
  auto buffer = std::make_shared<DeviceBuffer>(runtime_, bytes.size());
  upload_now(runtime_, *buffer, bytes.data());
  entry = buffer;
  return buffer;
}

std::size_t WeightStore::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : tensors_) {
    if (const DeviceWeight held = tensor.lock()) bytes += held->size();
  }
  return bytes;
}

}  // namespace streamdiffusion::backend::cuda
