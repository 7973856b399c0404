// The process-wide log callback and the mutex that guards it.
#include "base/log.h"

#include <mutex>

namespace streamdiffusion::base {
namespace {

std::mutex& log_mutex() {
  static std::mutex mutex;
  return mutex;
}

LogCallback& log_callback() {
  static LogCallback callback;
  return callback;
}

}  // namespace

void set_log_callback(LogCallback callback) {
  const std::lock_guard lock(log_mutex());
  log_callback() = std::move(callback);
}

void log(LogLevel level, std::string_view message) {
  log_parts(level, {message});
}

void log_parts(LogLevel level, std::initializer_list<MessagePart> parts) {
  const std::lock_guard lock(log_mutex());
  if (log_callback()) log_callback()(level, message_of(parts));
}

}  // namespace streamdiffusion::base
