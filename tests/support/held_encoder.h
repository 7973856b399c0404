// The image encoder of IP-Adapters, held up where it begins with an image: what goes on meanwhile
// is seen without guessing a time.
#pragma once

#include <atomic>
#include <string_view>

#include "base/log.h"
#include "support/wait.h"

namespace streamdiffusion::testing {

/// Takes the log callback: nothing else may log while the encoder is held.
class HeldEncoder {
 public:
  HeldEncoder() {
    base::set_log_callback([this](base::LogLevel, std::string_view message) {
      if (message.find("encoding image") == std::string_view::npos) return;
      ++begun_;
      released_.wait(false);
    });
  }
  ~HeldEncoder() {
    release();
    base::set_log_callback(nullptr);
  }
  HeldEncoder(const HeldEncoder&) = delete;
  HeldEncoder& operator=(const HeldEncoder&) = delete;
  bool wait() const {
    return wait_until("the encoder", [&] { return begun_ > 0; });
  }
  /// How many images it has begun with.
  int begun() const { return begun_; }
  void release() {
    released_ = true;
    released_.notify_all();
  }

 private:
  std::atomic<int> begun_ = 0;
  std::atomic<bool> released_ = false;
};

}  // namespace streamdiffusion::testing
