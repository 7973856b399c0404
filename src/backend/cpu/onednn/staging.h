// Memory for a weight's values on their way into a layout, kept from one weight to the next: taken
// anew for each, most of its time would go into the system's page faults.
#pragma once

#include <cstddef>
#include <span>

#include "tensor/buffer.h"

namespace streamdiffusion::backend::cpu {

/// Of one thread. What a call returns is not initialized, and valid until the next call of its
/// kind.
class Staging {
 public:
  /// As the source stores them.
  std::span<float> stored(std::size_t elements) { return stored_.get(elements); }
  /// As a kernel form wants them, from what is stored.
  std::span<float> transformed(std::size_t elements) { return transformed_.get(elements); }

 private:
  class Area {
   public:
    /// Keeps what it has, unless that is too little, or more than twice of much that is wanted: the
    /// largest weights come first, so that little is held when the last are packed.
    std::span<float> get(std::size_t elements) {
      const bool shrink = elements >= kMuch && capacity() > 2 * elements;
      if (elements > capacity() || shrink) {
        values_ = {};  // before the next is there
        values_ = tensor::Buffer::to_be_filled(elements * sizeof(float));
      }
      return {reinterpret_cast<float*>(values_.data()), elements};
    }

   private:
    /// Elements; 1 MiB.
    static constexpr std::size_t kMuch = std::size_t{1} << 18;

    std::size_t capacity() const { return values_.size() / sizeof(float); }

    tensor::Buffer values_;
  };

  Area stored_, transformed_;
};

}  // namespace streamdiffusion::backend::cpu
