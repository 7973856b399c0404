// Owned memory, zeroed, and aligned for vectors and (if large) for huge pages.
#pragma once

#include <cstddef>
#include <memory>

#include "tensor/tensor.h"

namespace streamdiffusion::tensor {

class Buffer {
 public:
  Buffer() = default;
  /// Allocates `bytes` zero bytes, aligned to 64. From 4 MiB on they are aligned to 2 MiB and
  /// advised as huge pages.
  explicit Buffer(std::size_t bytes);

  std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* pointer) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace streamdiffusion::tensor
