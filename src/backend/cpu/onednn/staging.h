// Memory for a weight's values on their way into a layout, kept from one weight to the next: taken
// anew for each, most of its time would go into the system's page faults.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

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
    std::span<float> get(std::size_t elements) {
      if (elements > size_ || size_ > std::max(kKept, elements)) {
        values_.reset();
        values_ = std::make_unique_for_overwrite<float[]>(elements);
        size_ = elements;
      }
      return {values_.get(), elements};
    }

   private:
    /// Elements. More, such as a vocabulary takes, is given back at once.
    static constexpr std::size_t kKept = std::size_t{16} << 20;

    std::unique_ptr<float[]> values_;
    std::size_t size_ = 0;
  };

  Area stored_, transformed_;
};

}  // namespace streamdiffusion::backend::cpu
