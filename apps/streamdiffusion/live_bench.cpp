#include "live_bench.h"

#include <cstdio>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "progress.h"
#include "setup.h"
#include "test_frame.h"

namespace streamdiffusion::app {
namespace {

constexpr double kWarmUp = 1.0;  // seconds
constexpr int kPatterns = 32;    // made ahead, so that making them costs nothing

double busy_seconds(const SessionTimes& t) {
  return t.encode + t.unet + t.decode + t.other;
}

/// What the receiver saw, by output, in seconds.
struct Ages {
  std::mutex mutex;
  std::vector<double> age, prepare, wait, engine, deliver, gap;
  std::optional<LiveClock::time_point> last;

  void add(const LiveOutput& output) {
    const auto span = [](LiveClock::time_point from, LiveClock::time_point to) {
      return std::chrono::duration<double>(to - from).count();
    };
    const std::lock_guard lock(mutex);
    age.push_back(output.age());
    prepare.push_back(span(output.captured, output.prepared));
    wait.push_back(span(output.prepared, output.entered));
    engine.push_back(span(output.entered, output.finished));
    const auto now = LiveClock::now();
    deliver.push_back(span(output.finished, now));
    if (last) gap.push_back(span(*last, now));
    last = now;
  }
  void clear() {
    const std::lock_guard lock(mutex);
    for (auto* values : {&age, &prepare, &wait, &engine, &deliver, &gap}) values->clear();
  }
};

class Client {
 public:
  Client(LiveSession& live, const LiveBench& bench, int width, int height)
      : live_(live), bench_(bench) {
    for (int i = 0; i < (bench.still ? 1 : kPatterns); ++i)
      pictures_.push_back(test_frame(width, height, i));
  }

  /// Submits at the source's rate for so long; `each_second` is called once a second.
  void run(double seconds, const std::function<void()>& each_second = {}) {
    const auto interval = std::chrono::duration_cast<LiveClock::duration>(
        std::chrono::duration<double>(1.0 / bench_.source_fps));
    const auto end = LiveClock::now() + std::chrono::duration<double>(seconds);
    auto second = LiveClock::now();
    for (auto due = second; due < end; due += interval) {
      std::this_thread::sleep_until(due);
      if (each_second && due - second > std::chrono::seconds(1)) {
        each_second();
        second = due;
      }
      const Image& picture = pictures_[sent_++ % pictures_.size()];
      live_.submit({.picture = [&picture] { return picture; }, .captured = due});
    }
  }

 private:
  LiveSession& live_;
  const LiveBench& bench_;
  std::vector<Image> pictures_;
  std::size_t sent_ = 0;
};

/// The settings with one thing after another changed: words, steps, guidance type, size, and back.
class Storm {
 public:
  explicit Storm(LiveSession& live) : live_(live), start_(live.settings()) {}

  void change() {
    LiveSettings next = start_;
    SessionOptions& options = next.options;
    switch (round_++ % 5) {
      case 0:
        next.prompts = {{"green tree " + std::to_string(round_), 1.0F}};
        break;
      case 1:
        options.t_index_list.resize(options.t_index_list.size() == 1 ? 2 : 1, 40);
        break;
      case 2:
        options.cfg_type = options.cfg_type == CfgType::full ? CfgType::none : CfgType::full;
        break;
      case 3:
        options.width = *options.width / 2;
        options.height = *options.height / 2;
        break;
      default:
        break;
    }
    live_.change(next);
  }

 private:
  LiveSession& live_;
  const LiveSettings start_;
  int round_ = 0;
};

nlohmann::json in_ms(const std::vector<double>& values) {
  nlohmann::json out;
  for (const auto& [name, p] :
       {std::pair("p50", 0.5), std::pair("p95", 0.95), std::pair("p99", 0.99)})
    out[name] = percentile(values, p) * 1e3;
  return out;
}

void print_row(const char* name, const std::vector<double>& values, double frame) {
  std::printf("  %-10s %8.1f %8.1f %8.1f %14.2f\n", name, percentile(values, 0.5) * 1e3,
              percentile(values, 0.95) * 1e3, percentile(values, 0.99) * 1e3,
              percentile(values, 0.95) / frame);
}

}  // namespace

void run_live_bench(const EngineFlags& engine_flags, const SessionFlags& session_flags,
                    const LiveBench& bench) {
  Engine engine = open_engine(engine_flags);
  const LiveSettings settings = live_settings(session_flags);
  Ages ages;
  LiveSession live(engine, settings, {},
                   {.output = [&](const LiveOutput& output) { ages.add(output); }});
  const SessionOptions options = live.settings().options;
  Client client(live, bench, *options.width, *options.height);
  client.run(kWarmUp);
  ages.clear();
  const double busy_before = busy_seconds(live.times());
  const auto start = base::Clock::now();
  Storm storm(live);
  client.run(bench.seconds, bench.storm ? [&] { storm.change(); } : std::function<void()>());
  const double wall = base::seconds_since(start), frame = live.frame_seconds();
  const double busy = (busy_seconds(live.times()) - busy_before) / wall;
  live.drain();
  const LiveCounters counters = live.counters();
  const auto count = static_cast<double>(ages.age.size());
  std::printf("%s  %dx%d  %zu steps  source %.0f fps\n", engine.info().model.c_str(),
              *options.width, *options.height, options.t_index_list.size(), bench.source_fps);
  std::printf(
      "delivered  %.1f fps; an engine call takes %.1f ms; the engine is busy %.1f %% of the time\n",
      count / wall, frame * 1e3, 100 * busy);
  std::printf("  %-10s %8s %8s %8s %14s\n", "ms", "p50", "p95", "p99", "p95 in calls");
  print_row("prepare", ages.prepare, frame);
  print_row("wait", ages.wait, frame);
  print_row("engine", ages.engine, frame);
  print_row("deliver", ages.deliver, frame);
  print_row("age", ages.age, frame);
  print_row("gap", ages.gap, frame);
  std::printf("longest gap between two pictures: %.1f ms = %.1f calls\n",
              percentile(ages.gap, 1) * 1e3, percentile(ages.gap, 1) / frame);
  std::printf("frames     captured %lu = processed %lu + skipped %lu + dropped %lu + failed %lu\n",
              counters.captured, counters.processed, counters.skipped, counters.dropped(),
              counters.failed);
  if (bench.json.empty()) return;
  std::ofstream file(bench.json);
  file << nlohmann::json{{"fps", count / wall},
                         {"call_ms", frame * 1e3},
                         {"busy", busy},
                         {"age_ms", in_ms(ages.age)},
                         {"wait_ms", in_ms(ages.wait)},
                         {"captured", counters.captured},
                         {"processed", counters.processed},
                         {"skipped", counters.skipped},
                         {"dropped", counters.dropped()}}
              .dump(2)
       << "\n";
  base::require(file.good(), ErrorCode::io, bench.json, ": cannot write");
}

}  // namespace streamdiffusion::app
