// The library never prints. What it has to say goes through one callback, which the host may
// replace.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace streamdiffusion::base {

enum class LogLevel { debug, info, notice, warning };

using LogCallback = std::function<void(LogLevel, std::string_view message)>;

/// Replaces the process-wide callback; an empty one (the default) drops every message. Thread-safe.
void set_log_callback(LogCallback callback);

/// Hands one line (without a newline) to the callback. Thread-safe; not for the hot path.
void log(LogLevel level, std::string_view message);

template <typename... Parts>
void warn(const Parts&... parts) {
  log(LogLevel::warning, concat(parts...));
}

}  // namespace streamdiffusion::base
