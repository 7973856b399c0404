#include "base/log_limiter.h"

#include <cstdint>

namespace streamdiffusion::base {
namespace {

constexpr std::size_t kMaxKindLength = 80;

/// The message without digits and without what stands in double quotes.
std::string kind_of(std::string_view message) {
  std::string kind;
  bool quoted = false;
  for (const char c : message) {
    if (kind.size() >= kMaxKindLength) break;
    if (c == '"') quoted = !quoted;
    const bool digit = c >= '0' && c <= '9';
    if (!quoted && !digit) kind.push_back(c);
  }
  return kind;
}

}  // namespace

void LogLimiter::log(LogLevel level, std::string_view message, Clock::time_point now) {
  if (now >= next_close_) close_windows(now);
  std::string name = kind_of(message);
  if (kinds_.size() >= kMaxKinds && !kinds_.contains(name)) name.clear();
  Kind& kind = kinds_.try_emplace(name, Kind{level, std::string(message), now}).first->second;
  if (kind.passed < kBurst) {
    ++kind.passed;
    next_(level, message);
  } else {
    ++kind.suppressed;
  }
}

void LogLimiter::close_windows(Clock::time_point now) {
  next_close_ = now + std::chrono::seconds(1);
  std::erase_if(kinds_, [&](const auto& entry) {
    const Kind& kind = entry.second;
    if (now - kind.start < kWindow) return false;
    if (kind.suppressed > 0) {
      next_(kind.level, concat(kind.suppressed, " more messages like this one were left out in ",
                               kWindow.count(), " s: ", kind.example));
    }
    return true;
  });
}

}  // namespace streamdiffusion::base
