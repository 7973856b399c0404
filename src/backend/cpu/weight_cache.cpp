#include "backend/cpu/weight_cache.h"

#include <algorithm>
#include <cstring>

#include "backend/cpu/dnnl_primitive.h"
#include "graph/quantise.h"

namespace streamdiffusion::backend::cpu {
namespace {

std::size_t elements(const graph::Weight& weight) {
  std::size_t count = 1;
  for (const std::int64_t dim : weight.dims) count *= static_cast<std::size_t>(dim);
  return count;
}

tensor::Buffer read(const Weights& source, const graph::Weight& weight) {
  tensor::Buffer values(elements(weight) * sizeof(float));
  source.read(weight, {reinterpret_cast<float*>(values.data()), elements(weight)});
  return values;
}

std::span<const float> floats(const tensor::Buffer& buffer) {
  return {reinterpret_cast<const float*>(buffer.data()), buffer.size() / sizeof(float)};
}

tensor::Buffer bytes_of(const tensor::Buffer& values, const PackedWeight& scales) {
  tensor::Buffer bytes(floats(values).size());
  graph::row_bytes(floats(values), floats(*scales),
                   {reinterpret_cast<std::int8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

std::string key_of(const Weights& source, const graph::Weight& weight) {
  return source.scope + "\n" + weight.name;
}

}  // namespace

PackedWeight WeightCache::find(const std::string& key, const dnnl::memory::desc& layout) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  for (const Entry& entry : found->second) {
    if (entry.layout == layout) return entry.buffer.lock();
  }
  return nullptr;
}

PackedWeight WeightCache::keep(const std::string& key, const dnnl::memory::desc& layout,
                               PackedWeight buffer) {
  std::vector<Entry>& entries = entries_[key];
  std::erase_if(entries, [](const Entry& entry) { return entry.buffer.expired(); });
  entries.push_back({layout, buffer});
  return buffer;
}

PackedWeight WeightCache::packed(const Weights& source, const graph::Weight& weight,
                                 const dnnl::memory::desc& plain,
                                 const dnnl::memory::desc& packed) {
  const std::string key = key_of(source, weight);
  if (PackedWeight shared = find(key, packed)) return shared;
  tensor::Buffer values = read(source, weight);
  dnnl::memory::desc stored = plain;
  if (packed.data_type() == dnnl::memory::data_type::s8) {
    values = bytes_of(values, row_scales(source, weight));
    stored.data.data_type = dnnl_s8;
  }
  auto buffer = std::make_shared<tensor::Buffer>(packed.get_size());
  dnnl::memory from(stored, dnnl_engine(), values.data());
  dnnl::memory to(packed, dnnl_engine(), buffer->data());
  dnnl::stream stream(dnnl_engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return keep(key, packed, std::move(buffer));
}

PackedWeight WeightCache::row_scales(const Weights& source, const graph::Weight& weight) {
  const std::string key = key_of(source, weight) + "\nrow scales";
  const auto rows = static_cast<std::size_t>(weight.dims[0]);
  const dnnl::memory::desc layout({weight.dims[0]}, dnnl::memory::data_type::f32,
                                  dnnl::memory::format_tag::x);
  if (PackedWeight shared = find(key, layout)) return shared;
  const tensor::Buffer values = read(source, weight);
  auto scales = std::make_shared<tensor::Buffer>(rows * sizeof(float));
  graph::row_scales(floats(values), {reinterpret_cast<float*>(scales->data()), rows});
  return keep(key, layout, std::move(scales));
}

PackedWeight WeightCache::plain(const Weights& source, const graph::Weight& weight) {
  const dnnl::memory::desc layout({static_cast<std::int64_t>(elements(weight))},
                                  dnnl::memory::data_type::f32, dnnl::memory::format_tag::x);
  return packed(source, weight, layout, layout);
}

std::size_t WeightCache::bytes() const {
  std::size_t total = 0;
  for (const auto& [key, entries] : entries_) {
    for (const Entry& entry : entries) {
      if (const auto buffer = entry.buffer.lock()) total += buffer->size();
    }
  }
  return total;
}

PackedWeight sum_of_biases(WeightCache& cache, const Weights& source,
                           std::span<const graph::Weight* const> biases) {
  if (biases.empty()) return nullptr;
  if (biases.size() == 1) return cache.plain(source, *biases[0]);
  auto sum = std::make_shared<tensor::Buffer>(elements(*biases[0]) * sizeof(float));
  auto* out = reinterpret_cast<float*>(sum->data());
  for (const graph::Weight* bias : biases) {
    const PackedWeight one = cache.plain(source, *bias);
    const auto* values = reinterpret_cast<const float*>(one->data());
    for (std::size_t i = 0; i < elements(*bias); ++i) out[i] += values[i];
  }
  return sum;
}

}  // namespace streamdiffusion::backend::cpu
