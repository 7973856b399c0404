#include "backend/cpu/onednn/weight_packing.h"

#include <cstring>
#include <optional>

#include "backend/backend.h"
#include "backend/cpu/onednn/primitive.h"
#include "backend/cpu/onednn/staging.h"
#include "base/half.h"
#include "graph/quantize.h"

namespace streamdiffusion::backend::cpu {
namespace {

using dnnl::memory;

std::size_t elements(const graph::Weight& weight) {
  std::size_t count = 1;
  for (const std::int64_t dim : weight.dims) count *= static_cast<std::size_t>(dim);
  return count;
}

std::vector<std::int8_t> int8_values(std::span<const float> values, const tensor::Buffer& scales) {
  std::vector<std::int8_t> result(values.size());
  graph::quantize_per_channel(
      values, {reinterpret_cast<const float*>(scales.data()), scales.size() / sizeof(float)},
      result);
  return result;
}

/// Empty if a value is not one of f16.
std::optional<tensor::Buffer> exact_f16(std::span<const float> values) {
  tensor::Buffer buffer = tensor::Buffer::to_be_filled(values.size() * sizeof(std::uint16_t));
  auto* out = reinterpret_cast<std::uint16_t*>(buffer.data());
  for (std::size_t i = 0; i < values.size(); ++i) {
    out[i] = base::f32_to_f16(values[i]);
    if (base::f16_to_f32(out[i]) != values[i]) return std::nullopt;
  }
  return buffer;
}

/// The slices lie `step` bytes apart.
tensor::Buffer reordered(const void* values, const memory::desc& slice, const memory::desc& packed,
                         std::size_t count, std::size_t step) {
  tensor::Buffer buffer = tensor::Buffer::to_be_filled(packed.get_size() * count);
  memory from(slice, dnnl_engine(), nullptr);
  memory to(packed, dnnl_engine(), nullptr);
  const dnnl::reorder reorder(from, to);
  dnnl::stream stream(dnnl_engine());
  for (std::size_t i = 0; i < count; ++i) {
    // a reorder only reads it, but oneDNN has no handle for that
    from.set_data_handle(static_cast<std::byte*>(const_cast<void*>(values)) + i * step);
    to.set_data_handle(buffer.data() + i * packed.get_size());
    reorder.execute(stream, from, to);
  }
  stream.wait();
  return buffer;
}

}  // namespace

WeightValues stored_values(const KernelContext& context, std::size_t i) {
  const graph::Weight& weight = context.weight(i);
  return {context.weights.key(weight), weight.dims[0],
          [&source = context.weights, &weight, &staging = context.staging] {
            const std::span<float> values = staging.stored(elements(weight));
            source.read(weight, values);
            return values;
          }};
}

PackedWeight pack_weight(WeightCache& cache, const WeightValues& weight, const WeightSlices& slices,
                         const memory::desc& packed) {
  return cache.get(weight.key, packed, [&] {
    const std::span<const float> values = weight.read();
    if (packed.data_type() != memory::data_type::s8)
      return reordered(values.data(), slices.slice, packed, slices.count,
                       slices.step * sizeof(float));
    memory::desc slice = slices.slice;
    slice.data.data_type = dnnl_s8;
    const std::vector<std::int8_t> int8 = int8_values(values, *row_scales(cache, weight));
    return reordered(int8.data(), slice, packed, slices.count, slices.step);
  });
}

PackedWeight row_scales(WeightCache& cache, const WeightValues& weight) {
  const memory::desc layout({weight.rows}, memory::data_type::f32, memory::format_tag::x);
  return cache.get(weight.key + "\nrow scales", layout, [&] {
    const auto rows = static_cast<std::size_t>(weight.rows);
    tensor::Buffer scales(rows * sizeof(float));
    graph::per_channel_scales(weight.read(), {reinterpret_cast<float*>(scales.data()), rows});
    return scales;
  });
}

PackedWeight plain_weight(const KernelContext& context, std::size_t i) {
  const memory::desc layout({static_cast<std::int64_t>(elements(context.weight(i)))},
                            memory::data_type::f32, memory::format_tag::x);
  return pack_weight(context.cache, stored_values(context, i), {layout}, layout);
}

PackedWeight table_weight(const KernelContext& context, std::size_t i) {
  const WeightValues weight = stored_values(context, i);
  const memory::desc layout({static_cast<std::int64_t>(elements(context.weight(i)))},
                            memory::data_type::f16, memory::format_tag::x);
  return context.cache.get(weight.key, layout, [&] {
    const std::span<const float> values = weight.read();
    if (std::optional<tensor::Buffer> half = exact_f16(values)) return std::move(*half);
    tensor::Buffer whole = tensor::Buffer::to_be_filled(values.size_bytes());
    std::memcpy(whole.data(), values.data(), values.size_bytes());
    return whole;
  });
}

PackedWeight pack_matrix(const KernelContext& context, std::int64_t in, std::int64_t out,
                         const memory::desc& packed) {
  const memory::desc stored({in, out}, memory::data_type::f32, memory::dims{1, in});
  return pack_weight(context.cache, stored_values(context, 0), {stored}, packed);
}

PackedWeight sum_of_biases(const KernelContext& context, std::size_t first) {
  const std::size_t count = context.op.weights.size() - first;
  if (count == 0) return nullptr;
  if (count == 1) return plain_weight(context, first);
  const std::size_t channels = elements(context.weight(first));
  auto sum = std::make_shared<tensor::Buffer>(channels * sizeof(float));
  auto* out = reinterpret_cast<float*>(sum->data());
  for (std::size_t i = first; i < context.op.weights.size(); ++i) {
    const PackedWeight bias = plain_weight(context, i);
    const auto* values = reinterpret_cast<const float*>(bias->data());
    for (std::size_t c = 0; c < channels; ++c) out[c] += values[c];
  }
  return sum;
}

}  // namespace streamdiffusion::backend::cpu
