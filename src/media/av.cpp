#include "media/av.h"

extern "C" {
#include <libavdevice/avdevice.h>
}

#include <cmath>
#include <cstdarg>

#include "base/error.h"

namespace streamdiffusion::media {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// The log that a context was given, for the two kinds of context that we own.
AvLog* log_of(void* context) {
  if (context == nullptr) return nullptr;
  const AVClass* kind = *static_cast<const AVClass**>(context);
  if (kind == avcodec_get_class()) {
    return static_cast<AvLog*>(static_cast<AVCodecContext*>(context)->opaque);
  }
  if (kind == avformat_get_class()) {
    return static_cast<AvLog*>(static_cast<AVFormatContext*>(context)->opaque);
  }
  return nullptr;
}

void keep_line(void* context, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR) return;
  AvLog* log = log_of(context);
  if (log == nullptr) return;
  char line[512];
  std::vsnprintf(line, sizeof line, format, arguments);
  log->keep(line);
}

std::string meaning(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE];
  av_strerror(code, text, sizeof text);
  return text;
}

}  // namespace

Rational nearest_rational(double value) {
  const double ntsc = value * 1001.0 / 1000.0;
  if (std::abs(value - std::round(value)) > 1e-6 && std::abs(ntsc - std::round(ntsc)) < 0.005) {
    return {static_cast<int>(std::lround(ntsc)) * 1000, 1001};
  }
  return rational_of(av_d2q(value, 100000));
}

void AvLog::clear() {
  const std::lock_guard lock(mutex_);
  last_.clear();
}

std::string AvLog::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void AvLog::keep(std::string line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '.' || line.back() == ' ')) {
    line.pop_back();
  }
  if (line.empty()) return;
  const std::lock_guard lock(mutex_);
  last_ = std::move(line);
}

std::string AvLog::words(int code) const {
  const std::string line = last();
  return "\"" + (line.empty() ? meaning(code) : line) + "\"";
}

void prepare_av() {
  static const bool once = [] {
    av_log_set_callback(keep_line);
    avdevice_register_all();
    avformat_network_init();
    return true;
  }();
  (void)once;
}

void AvInterrupt::set_timeout(double seconds) {
  const auto wait =
      std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(seconds));
  deadline_ = seconds > 0 ? (SteadyClock::now() + wait).time_since_epoch().count() : 0;
}

bool AvInterrupt::late() const {
  const auto deadline = deadline_.load();
  return deadline != 0 && SteadyClock::now().time_since_epoch().count() > deadline;
}

int AvInterrupt::asked(void* self) {
  const auto* interrupt = static_cast<const AvInterrupt*>(self);
  return interrupt->stopped() || interrupt->late() ? 1 : 0;
}

}  // namespace streamdiffusion::media
