// A pause in the middle of work that no stream waits for, so that their frames are not held up.
#pragma once

#include <stop_token>

#include "backend/backend.h"
#include "base/error.h"

namespace streamdiffusion::session {

/// Throws busy once `stop` is requested.
inline void require_not(const std::stop_token& stop) {
  base::require(!stop.stop_requested(), base::ErrorCode::busy,
                "stopped before the session's programs were compiled");
}

class CompilePause : public backend::Pause {
 public:
  explicit CompilePause(const std::stop_token& stop) : stop_(stop) {}
  bool wanted() const override { return true; }
  void pause() override { require_not(stop_); }

 private:
  const std::stop_token& stop_;
};

}  // namespace streamdiffusion::session
