// PipeWire's thread, in which its events come, and its lock.
#pragma once

#include <pipewire/pipewire.h>

#include <memory>
#include <mutex>

namespace streamdiffusion::media {

/// Before any other call of the library; as often as wanted, from any thread.
inline void init_pipewire() {
  static std::once_flag once;
  std::call_once(once, [] { pw_init(nullptr, nullptr); });
}

struct LoopDelete {
  void operator()(pw_thread_loop* loop) const { pw_thread_loop_destroy(loop); }
};
using Loop = std::unique_ptr<pw_thread_loop, LoopDelete>;

/// While it lives, no event comes.
class LoopLock {
 public:
  explicit LoopLock(const Loop& loop) : loop_(loop.get()) { pw_thread_loop_lock(loop_); }
  ~LoopLock() { pw_thread_loop_unlock(loop_); }
  LoopLock(const LoopLock&) = delete;
  LoopLock& operator=(const LoopLock&) = delete;

 private:
  pw_thread_loop* loop_;
};

}  // namespace streamdiffusion::media
