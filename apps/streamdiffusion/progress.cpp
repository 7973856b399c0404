#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace streamdiffusion::app {
namespace {

constexpr std::size_t kBarWidth = 30;
constexpr double kRedrawSeconds = 0.1;

}  // namespace

double percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size())));
  const auto at = values.begin() +
                  static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, values.size()) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

Progress::Progress(std::size_t total, bool quiet)
    : total_(total), live_(!quiet && ::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (live_ && !seconds_.empty()) std::fputc('\n', stderr);
}

void Progress::step(double seconds) {
  seconds_.push_back(seconds);
  const bool last = done() == total_;
  if (!live_ || (!last && base::seconds_since(drawn_) < kRedrawSeconds)) return;
  drawn_ = base::Clock::now();
  draw();
}

std::string Progress::summary() const {
  const double elapsed = std::max(base::seconds_since(start_), 1e-9);
  char text[128];
  std::snprintf(text, sizeof text, "%.1f fps  p50 %.1f ms  p99 %.1f ms",
                static_cast<double>(done()) / elapsed, percentile(seconds_, 0.5) * 1e3,
                percentile(seconds_, 0.99) * 1e3);
  return text;
}

void Progress::draw() const {
  std::string bar;
  if (total_ > 0) {
    const std::size_t filled = kBarWidth * std::min(done(), total_) / total_;
    bar = "/" + std::to_string(total_) + " [" + std::string(filled, '=') +
          std::string(kBarWidth - filled, ' ') + "]";
  }
  std::fprintf(stderr, "\r%5zu%s  %s ", done(), bar.c_str(), summary().c_str());
  std::fflush(stderr);
}

}  // namespace streamdiffusion::app
