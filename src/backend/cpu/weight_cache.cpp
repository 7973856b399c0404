#include "backend/cpu/weight_cache.h"

namespace streamdiffusion::backend::cpu {

PackedWeight WeightCache::get(const std::string& key, const dnnl::memory::desc& layout,
                              const std::function<tensor::Buffer()>& make) {
  if (PackedWeight shared = find(key, layout)) return shared;
  auto buffer = std::make_shared<const tensor::Buffer>(make());
  std::vector<Entry>& entries = entries_[key];
  std::erase_if(entries, [](const Entry& entry) { return entry.buffer.expired(); });
  entries.push_back({layout, buffer});
  return buffer;
}

PackedWeight WeightCache::find(const std::string& key, const dnnl::memory::desc& layout) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  for (const Entry& entry : found->second) {
    if (entry.layout == layout) return entry.buffer.lock();
  }
  return nullptr;
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

}  // namespace streamdiffusion::backend::cpu
