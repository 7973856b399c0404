// What the backend asks of the CUDA runtime: memory, copies, and graphs of captured work. The tests
// put host memory in its place, so that everything above it runs without a card.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backend/backend.h"

struct CUstream_st;

namespace streamdiffusion::backend::cuda {

using Stream = CUstream_st*;

/// Captured work that can be launched again.
class CapturedGraph {
 public:
  virtual ~CapturedGraph() = default;
  virtual void launch() = 0;
};

/// The streams of a card. Each does its work in order, beside the others: only events order the
/// work of two. Kernels and graphs are on `compute`.
enum class Queue { compute, upload, download };
inline constexpr std::size_t kQueues = 3;

/// A point in a stream's work, whose time the card notes when it gets there.
class Event {
 public:
  virtual ~Event() = default;
  /// Marks the end of all work queued so far; in a capture, of what was captured so far.
  void record() { record(Queue::compute); }
  virtual void record(Queue queue) = 0;
  /// Waits until the card has passed the event, as it was recorded last. Needs no StreamLock.
  virtual void synchronize() = 0;
  /// Seconds from `earlier` to this event. Both must have been passed: call it after synchronize().
  virtual double seconds_since(const Event& earlier) const = 0;
};

/// Bytes of the card's memory.
struct CardMemory {
  std::size_t free = 0, total = 0;
};

/// One card. Copies and kernels go to its compute stream, in order, unless a function says
/// otherwise; only synchronize() and events wait. Every function throws internal, with the
/// runtime's own words, if it fails. Who queues, captures or calls synchronize() holds a StreamLock
/// from the first call to the last.
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
  /// From memory of the card to memory of the card.
  virtual void copy(std::byte* to, const std::byte* from, std::size_t bytes) = 0;
  /// The same on the streams of uploads and of downloads, beside what is computed.
  virtual void upload_beside(std::byte* to, const std::byte* from, std::size_t bytes) = 0;
  virtual void download_beside(std::byte* to, const std::byte* from, std::size_t bytes) = 0;
  /// What is queued on that stream from now on comes after the event, as it was recorded last.
  virtual void wait_for(const Event& event, Queue queue) = 0;
  /// Waits for all streams.
  virtual void synchronize() = 0;

  /// As Device::download() and upload(): pixels of the caller's, on the card's default stream. They
  /// need no StreamLock.
  virtual void download_rows(std::byte* to, const DeviceRows& from) = 0;
  virtual void upload_rows(const DeviceRows& to, const std::byte* from) = 0;

  /// Between these, work is recorded instead of run. Nothing may be allocated or waited for.
  virtual void begin_capture() = 0;
  virtual std::unique_ptr<CapturedGraph> end_capture() = 0;

  virtual std::unique_ptr<Event> make_event() = 0;
  virtual CardMemory memory() const = 0;
  /// Bytes of the largest cache between the card's memory and its multiprocessors.
  virtual std::size_t cache_bytes() const = 0;

  /// As Device::energy_joules().
  virtual std::optional<double> energy_joules() const { return std::nullopt; }

  virtual Stream stream() const = 0;
  /// For people: "NVIDIA H100 80GB HBM3, driver 13.0".
  virtual std::string description() const = 0;
  /// As Device::details(): the card, its memory and the driver.
  virtual std::vector<Detail> details() const { return {}; }

 protected:
  bool locked_by_this_thread() const { return owner_.load() == std::this_thread::get_id(); }

 private:
  friend class StreamLock;
  std::mutex mutex_;
  std::atomic<std::thread::id> owner_;
};

/// The stream for one thread. Without it, what another thread uploads while a session is prepared
/// would become part of a program that is being captured.
class StreamLock {
 public:
  explicit StreamLock(Runtime& runtime) : runtime_(runtime), lock_(runtime.mutex_) {
    runtime_.owner_ = std::this_thread::get_id();
  }
  ~StreamLock() { runtime_.owner_ = std::thread::id(); }
  StreamLock(const StreamLock&) = delete;
  StreamLock& operator=(const StreamLock&) = delete;

 private:
  Runtime& runtime_;
  const std::lock_guard<std::mutex> lock_;
};

/// What `queue` queues, recorded instead of run. If it throws, the capture ends with it.
template <typename Queue>
std::unique_ptr<CapturedGraph> capture(Runtime& runtime, const Queue& queue) {
  runtime.begin_capture();
  try {
    queue();
  } catch (...) {
    runtime.end_capture();
    throw;
  }
  return runtime.end_capture();
}

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

/// Fills memory of the card with what lies at `from`, and waits for it.
inline void upload_now(Runtime& runtime, const DeviceBuffer& to, const void* from) {
  const StreamLock lock(runtime);
  runtime.upload(to.data(), static_cast<const std::byte*>(from), to.size());
  runtime.synchronize();
}

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
