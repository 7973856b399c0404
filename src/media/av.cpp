// FFmpeg's log callback, its interrupt callback, and rationals.
#include "media/av.h"

extern "C" {
#include <libavdevice/avdevice.h>
}

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "media/address_guard.h"

namespace streamdiffusion::media {
namespace {

using base::Clock;

/// Of the line in which libavformat tells at debug level what it has found in the content.
constexpr const char* kProbed = "Format %s probed";
constexpr std::size_t kMaxLine = 512;
/// The line in which libavformat says, before it does so, to which address it connects. It is the
/// only place where redirections and the parts of a DASH manifest can be seen.
constexpr const char* kConnecting = "Starting connection attempt to %s port %s";

thread_local AvLog* thread_log = nullptr;

/// The AvLog in the `opaque` of a codec or format context, or that of the thread for a connection
/// and for what checks sizes; null for contexts of other kinds.
AvLog* find_log(void* context) {
  if (context == nullptr) return nullptr;
  const AVClass* kind = *static_cast<const AVClass**>(context);
  if (kind == avcodec_get_class()) {
    return static_cast<AvLog*>(static_cast<AVCodecContext*>(context)->opaque);
  }
  if (kind == avformat_get_class()) {
    return static_cast<AvLog*>(static_cast<AVFormatContext*>(context)->opaque);
  }
  const std::string_view name = kind != nullptr ? kind->class_name : "";
  return name == "URLContext" || name == "IMGUTILS" ? thread_log : nullptr;
}

void on_log_line(void* context, int level, const char* format, va_list arguments) {
  const bool probed = level == AV_LOG_DEBUG && std::string_view(format).starts_with(kProbed);
  const bool connecting =
      level == AV_LOG_VERBOSE && std::string_view(format).starts_with(kConnecting);
  if (level > AV_LOG_ERROR && !probed && !connecting) return;
  AvLog* log = find_log(context);
  if (log == nullptr) return;
  char line[kMaxLine];
  std::vsnprintf(line, sizeof line, format, arguments);
  log->on_line(level, line);
}

std::string error_text(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE];
  av_strerror(code, text, sizeof text);
  return text;
}

}  // namespace

base::ErrorCode error_code_of(int status) {
  switch (status) {
    case AVERROR(ENOENT):
    case AVERROR(ENODEV):
    case AVERROR(ENXIO):
      return base::ErrorCode::not_found;
    case AVERROR_INVALIDDATA:
    case AVERROR_EOF:
      return base::ErrorCode::corrupt_file;
    case AVERROR_DECODER_NOT_FOUND:
    case AVERROR_DEMUXER_NOT_FOUND:
    case AVERROR_PROTOCOL_NOT_FOUND:
    case AVERROR_PATCHWELCOME:
      return base::ErrorCode::unsupported;
    default:
      return base::ErrorCode::io;
  }
}

Rational nearest_rational(double value) {
  const double ntsc = value * 1001.0 / 1000.0;
  if (std::abs(value - std::round(value)) > 1e-6 && std::abs(ntsc - std::round(ntsc)) < 0.005) {
    return {static_cast<int>(std::lround(ntsc)) * 1000, 1001};
  }
  return rational_of(av_d2q(value, 100000));
}

void AvLog::clear() {
  const std::lock_guard lock(mutex_);
  last_line_.clear();
}

std::string AvLog::last_line() const {
  const std::lock_guard lock(mutex_);
  return last_line_;
}

void AvLog::set_last_line(std::string line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '.' || line.back() == ' ')) {
    line.pop_back();
  }
  if (!line.empty()) last_line_ = std::move(line);
}

void AvLog::on_line(int level, const char* line) {
  const std::string_view text(line);
  const auto word_after = [&](std::string_view prefix) {
    return text.substr(prefix.size(), text.find_first_of(" '", prefix.size()) - prefix.size());
  };
  if (level == AV_LOG_VERBOSE) return ask_guard(line);
  const std::lock_guard lock(mutex_);
  if (level > AV_LOG_ERROR) {
    format_ = word_after("Format ");
  } else if (text.starts_with("Format not on whitelist")) {
    format_refused_ = true;  // the line itself is the whole whitelist
  } else if (text.starts_with("Protocol '") && text.find("not on whitelist") != text.npos) {
    refused_protocol_ = word_after("Protocol '");
  } else {
    set_last_line(line);
  }
}

void AvLog::ask_guard(const std::string& line) {
  constexpr std::string_view kPort = " port ", kBefore = "Starting connection attempt to ";
  AddressGuard* guard = guard_;
  const std::size_t port = line.rfind(kPort);
  if (guard == nullptr || port == std::string::npos) return;
  std::string number = line.substr(port + kPort.size());
  number.resize(std::min(number.find_first_not_of("0123456789"), number.size()));
  guard->allows_connection(line.substr(kBefore.size(), port - kBefore.size()), number);
}

std::string AvLog::format() const {
  const std::lock_guard lock(mutex_);
  return format_;
}

std::string AvLog::refused_protocol() const {
  const std::lock_guard lock(mutex_);
  return refused_protocol_;
}

bool AvLog::format_refused() const {
  const std::lock_guard lock(mutex_);
  return format_refused_;
}

AvLog::Scope::Scope(AvLog& log) : outer_(std::exchange(thread_log, &log)) {}

AvLog::Scope::~Scope() {
  thread_log = outer_;
}

std::string AvLog::error_message(int code) const {
  const std::string line = last_line();
  return "\"" + (line.empty() ? error_text(code) : line) + "\"";
}

void prepare_av() {
  static const bool initialized = [] {
    av_log_set_callback(on_log_line);
    avdevice_register_all();
    avformat_network_init();
    return true;
  }();
  (void)initialized;
}

void AvInterrupt::set_timeout(double seconds) {
  const auto duration =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  deadline_ = seconds > 0 ? (Clock::now() + duration).time_since_epoch().count() : 0;
}

bool AvInterrupt::timed_out() const {
  const auto deadline = deadline_.load();
  return deadline != 0 && Clock::now().time_since_epoch().count() > deadline;
}

int AvInterrupt::on_interrupt(void* self) {
  const auto* interrupt = static_cast<const AvInterrupt*>(self);
  return interrupt->stopped() || interrupt->timed_out() || interrupt->refused_ ? 1 : 0;
}

}  // namespace streamdiffusion::media
