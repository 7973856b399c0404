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
  /// advised as huge pages. The system's pages are all taken at once, so that no frame does it.
  explicit Buffer(std::size_t bytes);
  /// The same in small pages, which are taken when they are written first: for what is filled at
  /// once, such as weights. Huge pages gain nothing there, and cost more where the system has none.
  static Buffer to_be_filled(std::size_t bytes);

  std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    Free() : mapped(0) {}
    explicit Free(std::size_t bytes) : mapped(bytes) {}
    void operator()(std::byte* pointer) const noexcept;
    /// Bytes of a mapping; 0 for the allocator's memory.
    std::size_t mapped;
  };
  using Memory = std::unique_ptr<std::byte, Free>;

  Buffer(std::size_t bytes, bool touched);
  static Memory map(std::size_t bytes);
  Memory data_;
  std::size_t size_ = 0;
};

}  // namespace streamdiffusion::tensor
