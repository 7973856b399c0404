// Packed weights, shared by every executable of a device that wants the same tensor in the same
// layout. The cache knows no packing: each kernel form hands over the function that packs.
#pragma once

#include <dnnl.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "tensor/buffer.h"

namespace streamdiffusion::backend::cpu {

using PackedWeight = std::shared_ptr<const tensor::Buffer>;

/// Any thread.
class WeightCache {
 public:
  /// What `key` names, in `layout`: the buffer that an executable still holds, else what make()
  /// returns. make() may itself get other keys. Of two threads that make the same at once, one
  /// keeps what it made, and the other gets that.
  PackedWeight get(const std::string& key, const dnnl::memory::desc& layout,
                   const std::function<tensor::Buffer()>& make);
  /// Bytes of all buffers that executables hold.
  std::size_t bytes() const;

 private:
  struct Entry {
    dnnl::memory::desc layout;
    std::weak_ptr<const tensor::Buffer> buffer;
  };

  PackedWeight find(const std::string& key, const dnnl::memory::desc& layout) const;
  static PackedWeight held(const std::vector<Entry>& entries, const dnnl::memory::desc& layout);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Entry>> entries_;
};

}  // namespace streamdiffusion::backend::cpu
