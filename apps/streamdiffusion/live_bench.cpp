#include "live_bench.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/percentile.h"
#include "figures.h"
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
  /// What the latest change was.
  std::string changed;
  /// The longest by what had changed.
  std::map<std::string, double> gaps_after;

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
    if (last && !changed.empty()) {
      gaps_after[changed] = std::max(gaps_after[changed], gap.back());
    }
    last = now;
  }
  void set_changed(const std::string& what) {
    const std::lock_guard lock(mutex);
    changed = what;
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
    for (int i = 0; i < (bench.motion == 0 ? 1 : kPatterns); ++i)
      images_.push_back(test_frame(width, height, bench.motion * i));
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
      const Image& image = images_[sent_++ % images_.size()];
      live_.submit({.image = [&image] { return image; }, .captured = due});
    }
  }

 private:
  LiveSession& live_;
  const LiveBench& bench_;
  std::vector<Image> images_;
  std::size_t sent_ = 0;
};

/// Changes one thing after another: prompt, steps, guidance type, size, and back.
class Storm {
 public:
  Storm(LiveSession& live, Ages& ages) : live_(live), ages_(ages), start_(live.settings()) {}

  void change() {
    static constexpr std::array kChanges{"prompt", "steps", "guidance", "size", "everything back"};
    LiveSettings next = start_;
    SessionOptions& options = next.options;
    const std::string what = kChanges[round_++ % kChanges.size()];
    if (what == "prompt") next.prompts = {{"green tree " + std::to_string(round_), 1.0F}};
    if (what == "steps") change_steps(options);
    if (what == "guidance") {
      options.cfg_type = options.cfg_type == CfgType::full ? CfgType::none : CfgType::full;
    }
    if (what == "size") {
      options.width = *options.width / 2;
      options.height = *options.height / 2;
    }
    live_.change(next);
    ages_.set_changed(what);
  }

 private:
  /// One step, or two where there was one and the schedule goes on.
  static void change_steps(SessionOptions& options) {
    std::vector<int>& list = options.t_index_list;
    const int last = *options.num_inference_steps - 1;
    if (list.size() > 1) return list.resize(1);
    if (list.front() < last) list.push_back(std::clamp(40, list.front() + 1, last));
  }

  LiveSession& live_;
  Ages& ages_;
  const LiveSettings start_;
  std::size_t round_ = 0;
};

Figures in_ms(const std::vector<double>& values) {
  Figures figures;
  for (const auto& [name, p] :
       {std::pair("p50", 0.5), std::pair("p95", 0.95), std::pair("p99", 0.99)})
    figures.push_back({name, base::percentile(values, p) * 1e3});
  return figures;
}

struct LiveReport {
  std::string title;
  /// Seconds.
  double wall = 0, call = 0, busy = 0;
  LiveCounters counters;
  const Ages& ages;

  double fps() const { return static_cast<double>(ages.age.size()) / wall; }
  double busy_share() const { return busy / wall; }
  double busy_each() const {
    return busy / static_cast<double>(std::max<std::size_t>(ages.age.size(), 1));
  }
};

void print(const LiveReport& r) {
  std::printf("%s\n", r.title.c_str());
  std::printf(
      "delivered  %.1f fps; the engine is busy %.1f %% of the time, %.2f ms an image delivered\n",
      r.fps(), 100 * r.busy_share(), r.busy_each() * 1e3);
  std::printf("  %-10s %8s %8s %8s %14s\n", "ms", "p50", "p95", "p99", "p95 in calls");
  for (const auto& [name, values] :
       {std::pair("prepare", &r.ages.prepare), std::pair("wait", &r.ages.wait),
        std::pair("engine", &r.ages.engine), std::pair("deliver", &r.ages.deliver),
        std::pair("age", &r.ages.age), std::pair("gap", &r.ages.gap)}) {
    std::printf("  %-10s %8.1f %8.1f %8.1f %14.2f\n", name, base::percentile(*values, 0.5) * 1e3,
                base::percentile(*values, 0.95) * 1e3, base::percentile(*values, 0.99) * 1e3,
                base::percentile(*values, 0.95) / r.call);
  }
  std::printf("a call of the engine takes %.1f ms; longest gap between two images %.1f calls\n",
              r.call * 1e3, base::percentile(r.ages.gap, 1) / r.call);
  for (const auto& [what, gap] : r.ages.gaps_after)
    std::printf("  longest gap after a change of %s: %.1f ms\n", what.c_str(), gap * 1e3);
  const LiveCounters& c = r.counters;
  std::printf("frames     captured %lu = processed %lu + skipped %lu + dropped %lu + failed %lu\n",
              c.captured, c.processed, c.skipped, c.dropped(), c.failed);
}

void write_json(const LiveReport& r, const std::string& path) {
  const auto count = [](std::uint64_t frames) { return static_cast<std::int64_t>(frames); };
  write_figures(path, {{"model", r.title},
                       {"fps", r.fps()},
                       {"call_ms", r.call * 1e3},
                       {"busy", r.busy_share()},
                       {"busy_ms_per_image", r.busy_each() * 1e3},
                       {"age_ms", in_ms(r.ages.age)},
                       {"wait_ms", in_ms(r.ages.wait)},
                       {"gap_ms", in_ms(r.ages.gap)},
                       {"longest_gap_ms", base::percentile(r.ages.gap, 1) * 1e3},
                       {"captured", count(r.counters.captured)},
                       {"processed", count(r.counters.processed)},
                       {"skipped", count(r.counters.skipped)},
                       {"dropped", count(r.counters.dropped())},
                       {"failed", count(r.counters.failed)}});
}

}  // namespace

void run_live_bench(const params::Settings& settings, const LiveBench& bench) {
  Engine engine = open_engine(settings.engine);
  warn_of_settings(engine, settings);
  Ages ages;
  LiveSession live(engine, settings.live, {},
                   {.output = [&](const LiveOutput& output) { ages.add(output); }});
  const SessionOptions options = live.settings().options;
  Client client(live, bench, *options.width, *options.height);
  Storm storm(live, ages);
  client.run(kWarmUp);
  ages.clear();
  const double busy_before = busy_seconds(live.times());
  const auto start = base::Clock::now();
  client.run(bench.seconds, bench.storm ? [&] { storm.change(); } : std::function<void()>());
  LiveReport report{.ages = ages};
  report.title =
      base::concat(engine.info().model, "  ", *options.width, "x", *options.height, "  ",
                   options.t_index_list.size(), " steps  source ", bench.source_fps, " fps");
  report.wall = base::seconds_since(start);
  report.busy = busy_seconds(live.times()) - busy_before;
  report.call = live.call_seconds();
  live.drain();
  report.counters = live.counters();
  print(report);
  if (!bench.json.empty()) write_json(report, bench.json);
}

}  // namespace streamdiffusion::app
