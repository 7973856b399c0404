// A limited number of places, for live sessions.
#pragma once

#include <mutex>

#include "base/error.h"

namespace streamdiffusion::session {

class Seats {
 public:
  /// 0: no limit.
  explicit Seats(int limit) : limit_(limit) {}

 private:
  friend class Seat;
  const int limit_;
  std::mutex mutex_;
  int taken_ = 0;
};

/// Takes a place when made, or throws busy; gives it back when destroyed.
class Seat {
 public:
  explicit Seat(Seats& seats) : seats_(seats) {
    const std::lock_guard lock(seats_.mutex_);
    base::require(seats_.limit_ == 0 || seats_.taken_ < seats_.limit_, base::ErrorCode::busy,
                  "all ", seats_.limit_, " live sessions are in use; try again later");
    ++seats_.taken_;
  }
  ~Seat() {
    const std::lock_guard lock(seats_.mutex_);
    --seats_.taken_;
  }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

 private:
  Seats& seats_;
};

}  // namespace streamdiffusion::session
