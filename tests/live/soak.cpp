// Frames for a long time: memory and the slowest percent must not grow. Usage: live_soak FRAMES
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>

#include "live/support.h"

namespace streamdiffusion {
namespace {

using namespace testing;

constexpr int kParts = 10;
/// For the frames that are in the queues at the end of a part.
constexpr std::chrono::seconds kLongest{60};
/// Of two steps: the last frame stays in the batch until one comes behind it.
constexpr int kInside = 1;
constexpr double kMoreMemory = 4.0;  // MiB that the last part may have over the second
constexpr double kSlower = 2.0;      // times the median of the parts' p99

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0);
}

struct Part {
  double p50_ms, p99_ms, resident;
};

class Soak {
 public:
  explicit Soak(int frames)
      : each_(std::max(frames / kParts, 1)),
        live_(engine(), small(), {QueuePolicy::Kind::block, 4}, {.output = [this](const auto& out) {
                const std::chrono::duration<double, std::milli> elapsed =
                    out.finished - out.entered;
                const std::lock_guard lock(mutex_);
                milliseconds_.push_back(elapsed.count());
                ++delivered_;
                came_.notify_all();
              }}) {}

  Part run_part() {
    for (int i = 0; i < each_; ++i) live_.submit(numbered_frame(next_++));
    std::vector<double> times;
    {
      std::unique_lock lock(mutex_);
      if (!came_.wait_for(lock, kLongest, [&] { return delivered_ + kInside >= next_; })) {
        std::fprintf(stderr, "%d of %d frames came: the stream stands still\n", delivered_, next_);
        std::exit(1);
      }
      times.swap(milliseconds_);
    }
    std::sort(times.begin(), times.end());
    const Part part{times[times.size() / 2], times[times.size() * 99 / 100], resident_mib()};
    std::printf("%9d frames   p50 %.2f ms   p99 %.2f ms   %.1f MiB resident\n", next_, part.p50_ms,
                part.p99_ms, part.resident);
    std::fflush(stdout);
    return part;
  }

  bool finish() {
    live_.drain();
    const LiveCounters c = live_.counters();
    std::printf("captured %lu = processed %lu + skipped %lu + dropped %lu + failed %lu\n",
                c.captured, c.processed, c.skipped, c.dropped(), c.failed);
    return c.processed == static_cast<std::uint64_t>(next_);
  }

 private:
  const int each_;
  int next_ = 0, delivered_ = 0;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<double> milliseconds_;
  LiveSession live_;
};

int soak(int frames) {
  Soak run(frames);
  std::vector<Part> parts;
  for (int i = 0; i < kParts; ++i) parts.push_back(run.run_part());
  bool good = run.finish();
  const double grown = parts.back().resident - parts[1].resident;
  std::vector<double> slowest;
  for (const Part& part : parts) slowest.push_back(part.p99_ms);
  std::sort(slowest.begin(), slowest.end());
  const double drift = parts.back().p99_ms / slowest[slowest.size() / 2];
  std::printf("memory grew by %.1f MiB (at most %.0f); the last p99 is %.2f times the median one\n",
              grown, kMoreMemory, drift);
  good &= grown <= kMoreMemory;
  if (frames >= 20000) good &= drift <= kSlower;  // fewer tell more of the neighbors than of us
  std::printf("%s\n", good ? "flat" : "NOT FLAT");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace streamdiffusion

int main(int argc, char** argv) {
  return streamdiffusion::soak(argc > 1 ? std::atoi(argv[1]) : 2000);
}
