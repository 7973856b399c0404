// At most so many live sessions of an engine at a time.
#pragma once

#include <mutex>

#include "base/error.h"

namespace streamdiffusion::session {

class SessionLimit {
 public:
  /// 0: no limit.
  explicit SessionLimit(int limit) : limit_(limit) {}

 private:
  friend class SessionSlot;
  const int limit_;
  std::mutex mutex_;
  int open_ = 0;
};

/// Counts as one session from construction to destruction. Throws busy at the limit.
class SessionSlot {
 public:
  explicit SessionSlot(SessionLimit& owner) : owner_(owner) {
    const std::lock_guard lock(owner_.mutex_);
    base::require(owner_.limit_ == 0 || owner_.open_ < owner_.limit_, base::ErrorCode::busy, "all ",
                  owner_.limit_, " live sessions are in use; try again later");
    ++owner_.open_;
  }
  ~SessionSlot() {
    const std::lock_guard lock(owner_.mutex_);
    --owner_.open_;
  }
  SessionSlot(const SessionSlot&) = delete;
  SessionSlot& operator=(const SessionSlot&) = delete;

 private:
  SessionLimit& owner_;
};

}  // namespace streamdiffusion::session
