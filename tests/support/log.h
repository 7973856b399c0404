// What the log says while this lives.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "base/log.h"

namespace streamdiffusion::testing {

/// Takes the log callback: one at a time.
class Log {
 public:
  Log() {
    base::set_log_callback([this](base::LogLevel, std::string_view message) {
      const std::lock_guard lock(mutex_);
      text_ += std::string(message) + "\n";
    });
  }
  ~Log() { base::set_log_callback(nullptr); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  bool has(std::string_view part) const { return text().find(part) != std::string::npos; }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace streamdiffusion::testing
