#include "download_progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/printable.h"
#include "base/size_text.h"

namespace streamdiffusion::app {
namespace {

constexpr double kWindowSeconds = 5, kLineEverySeconds = 10;
/// An estimate of more than this says nothing.
constexpr double kLongestLeft = 100 * 3600;

std::string time_text(double seconds) {
  const auto whole = static_cast<long>(seconds);
  char text[32];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
  }
  return text;
}

}  // namespace

DownloadProgress::DownloadProgress(std::string name, bool quiet)
    : name_(base::printable(name)), quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

DownloadProgress::~DownloadProgress() {
  if (drawn_ && terminal_) std::fputc('\n', stderr);
}

double DownloadProgress::rate(const hub::PullProgress& now) {
  samples_.emplace_back(now.seconds, now.received);
  while (samples_.size() > 2 && samples_.front().first < now.seconds - kWindowSeconds)
    samples_.pop_front();
  const double seconds = now.seconds - samples_.front().first;
  const auto bytes = static_cast<double>(now.received - samples_.front().second);
  return seconds > 0 ? bytes / seconds : 0;
}

void DownloadProgress::show(const hub::PullProgress& now) {
  if (quiet_ || now.received == 0) return;
  if (!terminal_ && now.seconds < next_line_) return;
  next_line_ = now.seconds + kLineEverySeconds;
  print(now);
}

void DownloadProgress::print(const hub::PullProgress& now) {
  const double bytes_a_second = rate(now);
  std::string left;
  if (now.bytes < now.total_bytes && bytes_a_second > 0) {
    const double seconds = static_cast<double>(now.total_bytes - now.bytes) / bytes_a_second;
    if (seconds < kLongestLeft) left = "  " + time_text(seconds) + " left";
  }
  std::fprintf(stderr, "%s%s  %zu/%zu files  %s of %s  %s/s%s%s", terminal_ ? "\r" : "",
               name_.c_str(), now.files, now.total_files, base::size_text(now.bytes).c_str(),
               base::size_text(now.total_bytes).c_str(),
               base::size_text(static_cast<std::uint64_t>(bytes_a_second)).c_str(), left.c_str(),
               terminal_ ? "\x1b[K" : "\n");
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace streamdiffusion::app
