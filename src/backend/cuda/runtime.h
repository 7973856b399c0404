// What the backend asks of the CUDA runtime: memory, copies, and graphs of captured work. The tests
// put host memory in its place, so that everything above it runs without a card.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

struct CUstream_st;

namespace streamdiffusion::backend::cuda {

using Stream = CUstream_st*;

/// Captured work that can be launched again.
class CapturedGraph {
 public:
  virtual ~CapturedGraph() = default;
  virtual void launch() = 0;
};

/// One card and one stream of it. All copies and kernels go to that stream, in order; only
/// synchronize() waits. Every function throws internal, with the runtime's own words, if it fails.
class Runtime {
 public:
  virtual ~Runtime() = default;

  /// Memory of the card, aligned to 256. Throws busy, naming what was needed and what is free.
  virtual std::byte* allocate(std::size_t bytes) = 0;
  virtual void release(std::byte* memory) noexcept = 0;
  /// Host memory that the card copies from and to on its own.
  virtual std::byte* allocate_pinned(std::size_t bytes) = 0;
  virtual void release_pinned(std::byte* memory) noexcept = 0;

  virtual void upload(std::byte* to, const std::byte* from, std::size_t bytes) = 0;
  virtual void download(std::byte* to, const std::byte* from, std::size_t bytes) = 0;
  virtual void synchronize() = 0;

  /// Between these, work is recorded instead of run. Nothing may be allocated or waited for.
  virtual void begin_capture() = 0;
  virtual std::unique_ptr<CapturedGraph> end_capture() = 0;

  virtual Stream stream() const = 0;
  /// For people: "NVIDIA H100 80GB HBM3, driver 13.0".
  virtual std::string description() const = 0;
};

/// Memory of the card.
class DeviceBuffer {
 public:
  DeviceBuffer(Runtime& runtime, std::size_t bytes)
      : runtime_(runtime), size_(bytes), data_(bytes == 0 ? nullptr : runtime.allocate(bytes)) {}
  ~DeviceBuffer() {
    if (data_ != nullptr) runtime_.release(data_);
  }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  Runtime& runtime_;
  std::size_t size_;
  std::byte* data_;
};

/// Host memory that the card copies from and to.
class PinnedBuffer {
 public:
  PinnedBuffer(Runtime& runtime, std::size_t bytes)
      : runtime_(runtime), data_(bytes == 0 ? nullptr : runtime.allocate_pinned(bytes)) {}
  ~PinnedBuffer() {
    if (data_ != nullptr) runtime_.release_pinned(data_);
  }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;

  std::byte* data() const { return data_; }

 private:
  Runtime& runtime_;
  std::byte* data_;
};

}  // namespace streamdiffusion::backend::cuda
