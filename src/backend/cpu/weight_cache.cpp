#include "backend/cpu/weight_cache.h"

namespace streamdiffusion::backend::cpu {

PackedWeight WeightCache::get(const std::string& key, const dnnl::memory::desc& layout,
                              const std::function<tensor::Buffer()>& make) {
  if (PackedWeight shared = find(key, layout)) return shared;
  auto made = std::make_shared<const tensor::Buffer>(make());
  const std::lock_guard lock(mutex_);
  std::vector<Entry>& entries = entries_[key];
  if (PackedWeight shared = held(entries, layout)) return shared;
  std::erase_if(entries, [](const Entry& entry) { return entry.buffer.expired(); });
  entries.push_back({layout, made});
  return made;
}

PackedWeight WeightCache::find(const std::string& key, const dnnl::memory::desc& layout) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : held(found->second, layout);
}

PackedWeight WeightCache::held(const std::vector<Entry>& entries,
                               const dnnl::memory::desc& layout) {
  for (const Entry& entry : entries) {
    if (entry.layout != layout) continue;
    if (PackedWeight buffer = entry.buffer.lock()) return buffer;
  }
  return nullptr;
}

std::size_t WeightCache::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (const auto& [key, entries] : entries_) {
    for (const Entry& entry : entries) {
      if (const auto buffer = entry.buffer.lock()) total += buffer->size();
    }
  }
  return total;
}

}  // namespace streamdiffusion::backend::cpu
