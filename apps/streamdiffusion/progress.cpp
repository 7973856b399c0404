#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/error.h"

namespace streamdiffusion::app {
namespace {

constexpr std::size_t kBarWidth = 30;
constexpr double kRedrawSeconds = 0.1;
constexpr std::size_t kRemembered = 4096;

}  // namespace

Progress::Progress(std::size_t total, bool quiet, std::string what)
    : total_(total), what_(std::move(what)), live_(!quiet && ::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (live_ && done_ > 0) std::fputc('\n', stderr);
}

void Progress::step(double seconds, std::size_t position) {
  if (seconds_.size() < kRemembered) {
    seconds_.push_back(seconds);
  } else {
    seconds_[done_ % kRemembered] = seconds;
  }
  ++done_;
  position_ = position;
  if (!live_ || (position_ != total_ && base::seconds_since(drawn_) < kRedrawSeconds)) return;
  drawn_ = base::Clock::now();
  draw();
}

double Progress::elapsed() const {
  return std::max(base::seconds_since(start_), 1e-9);
}

std::string Progress::summary() const {
  char text[128];
  std::snprintf(text, sizeof text, "%.1f fps  %sp50 %.1f ms  p99 %.1f ms",
                static_cast<double>(done()) / elapsed(), what_.c_str(), percentile(0.5) * 1e3,
                percentile(0.99) * 1e3);
  return text;
}

void Progress::draw() const {
  std::string bar, left;
  if (total_ > 0) {
    const std::size_t position = std::min(position_, total_);
    const std::size_t filled = kBarWidth * position / total_;
    bar = base::concat("/", total_, " [", std::string(filled, '='),
                       std::string(kBarWidth - filled, ' '), "]");
    const auto seconds = static_cast<long>(elapsed() * static_cast<double>(total_ - position) /
                                           static_cast<double>(std::max<std::size_t>(position, 1)));
    char text[32];
    std::snprintf(text, sizeof text, "  %ld:%02ld left", seconds / 60, seconds % 60);
    if (position < total_) left = text;
  }
  std::fprintf(stderr, "\r%5zu%s  %s%s\x1b[K", position_, bar.c_str(), summary().c_str(),
               left.c_str());
  std::fflush(stderr);
}

}  // namespace streamdiffusion::app
