// The library never prints. Its messages go to one callback, which the host program may replace.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.h"

namespace streamdiffusion::base {

enum class LogLevel { debug, info, notice, warning };

using LogCallback = std::function<void(LogLevel, std::string_view message)>;

/// Replaces the callback of the whole process; an empty one (the default) drops every message.
/// Thread-safe.
void set_log_callback(LogCallback callback);

/// Passes one line (without a newline) to the callback. Thread-safe. The callback runs under a
/// mutex: not for the hot path, and the callback must not log.
void log(LogLevel level, std::string_view message);
/// The joined parts, which may have MessageLines.
void log_parts(LogLevel level, std::initializer_list<MessagePart> parts);

/// Logs the joined parts as a warning.
template <typename... Parts>
void warn(const Parts&... parts) {
  log_parts(LogLevel::warning, {MessagePart(parts)...});
}

}  // namespace streamdiffusion::base
