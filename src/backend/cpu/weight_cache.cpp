#include "backend/cpu/weight_cache.h"

#include <algorithm>
#include <cstring>

#include "backend/cpu/conv/winograd.h"
#include "backend/cpu/onednn/primitive.h"
#include "graph/doubled.h"
#include "graph/quantize.h"

namespace streamdiffusion::backend::cpu {
namespace {

std::size_t elements(const graph::Weight& weight) {
  std::size_t count = 1;
  for (const std::int64_t dim : weight.dims) count *= static_cast<std::size_t>(dim);
  return count;
}

std::vector<float> read(const Weights& source, const graph::Weight& weight, bool doubled = false) {
  std::vector<float> values(elements(weight));
  source.read(weight, values);
  return doubled ? graph::fold_doubled(values, weight.dims[0], weight.dims[1]) : values;
}

std::span<const float> floats(const tensor::Buffer& buffer) {
  return {reinterpret_cast<const float*>(buffer.data()), buffer.size() / sizeof(float)};
}

std::vector<std::int8_t> bytes_of(std::span<const float> values, const PackedWeight& scales) {
  std::vector<std::int8_t> bytes(values.size());
  graph::row_bytes(values, floats(*scales), bytes);
  return bytes;
}

bool is_bytes(const dnnl::memory::desc& packed) {
  return packed.data_type() == dnnl::memory::data_type::s8;
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
                                 const dnnl::memory::desc& plain, const dnnl::memory::desc& packed,
                                 std::size_t count, std::size_t step) {
  const std::string key = key_of(source, weight);
  if (PackedWeight shared = find(key, packed)) return shared;
  std::vector<float> values = read(source, weight);
  if (!is_bytes(packed))
    return reordered(key, values.data(), plain, packed, count, step * sizeof(float));
  dnnl::memory::desc stored = plain;
  stored.data.data_type = dnnl_s8;
  return reordered(key, bytes_of(values, row_scales(source, weight)).data(), stored, packed, count,
                   step);
}

PackedWeight WeightCache::packed_phases(const Weights& source, const graph::Weight& weight,
                                        const dnnl::memory::desc& packed) {
  const std::string key = key_of(source, weight) + "\nphases";
  if (PackedWeight shared = find(key, packed)) return shared;
  const std::int64_t out = weight.dims[0], in = weight.dims[1], row = graph::kPhases * in * 4;
  const auto stored = [&](dnnl::memory::data_type type) {
    return dnnl::memory::desc({out, in, 2, 2}, type, dnnl::memory::dims{row, 4, 2, 1});
  };
  const auto step = static_cast<std::size_t>(in * 4);
  std::vector<float> values = read(source, weight, true);
  if (!is_bytes(packed)) {
    return reordered(key, values.data(), stored(dnnl::memory::data_type::f32), packed,
                     graph::kPhases, step * sizeof(float));
  }
  std::vector<std::int8_t> bytes = bytes_of(values, row_scales(source, weight, true));
  return reordered(key, bytes.data(), stored(dnnl::memory::data_type::s8), packed, graph::kPhases,
                   step);
}

PackedWeight WeightCache::winograd(const Weights& source, const graph::Weight& weight,
                                   const WinogradSize& size, const dnnl::memory::desc& packed) {
  const std::string key = key_of(source, weight) + "\nwinograd " + std::to_string(size.tile);
  if (PackedWeight shared = find(key, packed)) return shared;
  const std::int64_t out = weight.dims[0], in = weight.dims[1];
  const dnnl::memory::desc plain({in, out}, dnnl::memory::data_type::f32,
                                 dnnl::memory::format_tag::ab);
  return reordered(key, winograd_weight(size, read(source, weight), out, in).data(), plain, packed,
                   static_cast<std::size_t>(size.positions()), plain.get_size());
}

PackedWeight WeightCache::reordered(const std::string& key, void* values,
                                    const dnnl::memory::desc& stored,
                                    const dnnl::memory::desc& packed, std::size_t count,
                                    std::size_t step) {
  auto buffer = std::make_shared<tensor::Buffer>(packed.get_size() * count);
  dnnl::memory from(stored, dnnl_engine(), nullptr);
  dnnl::memory to(packed, dnnl_engine(), nullptr);
  const dnnl::reorder reorder(from, to);
  dnnl::stream stream(dnnl_engine());
  for (std::size_t i = 0; i < count; ++i) {
    from.set_data_handle(static_cast<std::byte*>(values) + i * step);
    to.set_data_handle(buffer->data() + i * packed.get_size());
    reorder.execute(stream, from, to);
  }
  stream.wait();
  return keep(key, packed, std::move(buffer));
}

PackedWeight WeightCache::row_scales(const Weights& source, const graph::Weight& weight,
                                     bool doubled) {
  const std::string key = key_of(source, weight) + (doubled ? "\nphases' scales" : "\nrow scales");
  const auto rows = static_cast<std::size_t>(weight.dims[0]);
  const dnnl::memory::desc layout({weight.dims[0]}, dnnl::memory::data_type::f32,
                                  dnnl::memory::format_tag::x);
  if (PackedWeight shared = find(key, layout)) return shared;
  const std::vector<float> values = read(source, weight, doubled);
  auto scales = std::make_shared<tensor::Buffer>(rows * sizeof(float));
  graph::row_scales(values, {reinterpret_cast<float*>(scales->data()), rows});
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
