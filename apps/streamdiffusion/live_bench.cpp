#include "live_bench.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/percentile.h"
#include "metrics_file.h"
#include "setup.h"
#include "test_frame.h"

namespace streamdiffusion::app {
namespace {

constexpr double kWarmUpSeconds = 1.0;
constexpr int kPatterns = 32;  // made ahead, so that making them costs nothing

double busy_seconds(const SessionTimes& t) {
  return t.encode + t.unet + t.decode + t.other;
}

/// What the receiver saw, by output, in seconds.
struct Ages {
  std::mutex mutex;
  std::condition_variable added;
  std::size_t count = 0;
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
    ++count;
    added.notify_all();
  }
  /// Until the next output, or so many seconds: a call has just ended then, or none runs.
  void wait_for_next(double seconds) {
    std::unique_lock lock(mutex);
    added.wait_for(lock, std::chrono::duration<double>(seconds),
                   [this, seen = count] { return count > seen; });
  }
  std::size_t images() {
    const std::lock_guard lock(mutex);
    return age.size();
  }
  void set_changed(const std::string& what) {
    const std::lock_guard lock(mutex);
    changed = what;
  }
  void clear() {
    const std::lock_guard lock(mutex);
    for (auto* values : {&age, &prepare, &wait, &engine, &deliver, &gap}) values->clear();
  }
  /// Those of another session that has ended.
  void merge(const Ages& other) {
    for (const auto member :
         {&Ages::age, &Ages::prepare, &Ages::wait, &Ages::engine, &Ages::deliver, &Ages::gap}) {
      auto& mine = this->*member;
      const auto& theirs = other.*member;
      mine.insert(mine.end(), theirs.begin(), theirs.end());
    }
    for (const auto& [what, seconds] : other.gaps_after) {
      double& longest = gaps_after[what];
      longest = std::max(longest, seconds);
    }
  }
};

class Client {
 public:
  /// `phase` 0..1: by which share of the source's interval its frames come later.
  Client(LiveSession& live, const LiveBench& bench, double phase)
      : live_(live), bench_(bench), phase_(phase) {
    const SessionOptions options = live.settings().options;
    for (int i = 0; i < (bench.motion == 0 ? 1 : kPatterns); ++i)
      images_.push_back(test_frame(*options.width, *options.height, bench.motion * i));
  }

  /// Submits at the source's rate for so long; `change` is called once a second, or where calls of
  /// the engine are long, every six of them.
  void run(double seconds, const std::function<void()>& change = {}) {
    const auto interval = std::chrono::duration_cast<LiveClock::duration>(
        std::chrono::duration<double>(1.0 / bench_.source_fps));
    auto changed = LiveClock::now();
    const auto end = changed + std::chrono::duration<double>(seconds);
    for (auto due = changed + std::chrono::duration_cast<LiveClock::duration>(phase_ * interval);
         due < end; due += interval) {
      std::this_thread::sleep_until(due);
      const std::chrono::duration<double> pause(std::max(1.0, 6 * live_.call_seconds()));
      if (change && due - changed > pause) {
        change();
        changed = due;
      }
      const Image& image = images_[sent_++ % images_.size()];
      live_.submit({.image = [&image] { return image; }, .captured = due});
    }
  }

 private:
  LiveSession& live_;
  const LiveBench& bench_;
  const double phase_;
  std::vector<Image> images_;
  std::size_t sent_ = 0;
};

/// Changes one thing after another: the scales of LoRAs, prompt, steps, guidance type, size, and
/// back.
class Storm {
 public:
  Storm(LiveSession& live, Ages& ages) : live_(live), ages_(ages), start_(live.settings()) {
    if (start_.options.lora_scales.empty()) changes_.erase(changes_.begin());
  }

  void change() {
    LiveSettings next = start_;
    SessionOptions& options = next.options;
    const std::string& what = changes_[round_++ % changes_.size()];
    if (what == "LoRA scales") {
      for (float& scale : options.lora_scales) scale *= 0.5F;
    }
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
  std::vector<std::string> changes_{"LoRA scales", "prompt", "steps",
                                    "guidance",    "size",   "everything back"};
  std::size_t round_ = 0;
};

Metrics in_ms(const std::vector<double>& values) {
  Metrics metrics;
  for (const auto& [name, p] :
       {std::pair("p50", 0.5), std::pair("p95", 0.95), std::pair("p99", 0.99)})
    metrics.push_back({name, base::percentile(values, p) * 1e3});
  return metrics;
}

/// One scripted client and its session.
class BenchSession {
 public:
  BenchSession(const Engine& engine, const LiveSettings& settings, const LiveBench& bench,
               double phase)
      : live_(engine, settings, {},
              {.output = [this](const LiveOutput& output) { ages_.add(output); }}),
        bench_(bench),
        client_(live_, bench, phase),
        storm_(live_, ages_) {}

  void warm_up() {
    client_.run(kWarmUpSeconds);
    ages_.wait_for_next(2 * live_.call_seconds());
    ages_.clear();
    busy_ = busy_seconds(live_.times());
  }
  void measure() {
    client_.run(bench_.seconds,
                bench_.storm ? [this] { storm_.change(); } : std::function<void()>());
    ages_.wait_for_next(2 * live_.call_seconds());
    busy_ = busy_seconds(live_.times()) - busy_;
    call_ = live_.call_seconds();
    images_ = ages_.images();
  }
  void end() { live_.drain(); }

  LiveSession& live() { return live_; }
  const Ages& ages() const { return ages_; }
  /// Of measure(), in seconds.
  double busy() const { return busy_; }
  double call() const { return call_; }
  std::size_t images() const { return images_; }

 private:
  Ages ages_;
  LiveSession live_;
  const LiveBench& bench_;
  Client client_;
  Storm storm_;
  double busy_ = 0, call_ = 0;
  std::size_t images_ = 0;
};

struct LiveReport {
  std::string title;
  /// Seconds.
  double wall = 0, call = 0, busy = 0;
  LiveCounters counters;
  Ages ages;
  /// Images a second of each session.
  std::vector<double> rates;
  SharedCalls shared;

  double fps() const { return std::accumulate(rates.begin(), rates.end(), 0.0); }
  double busy_share() const { return busy / wall; }
  double busy_each() const { return busy / std::max(fps() * wall, 1.0); }
  double least() const { return std::ranges::min(rates); }
  double most() const { return std::ranges::max(rates); }

  void add(BenchSession& session) {
    rates.push_back(static_cast<double>(session.images()) / wall);
    busy += session.busy();
    call = std::max(call, session.call());
    ages.merge(session.ages());
    sum(counters, session.live().counters());
  }

 private:
  static void sum(LiveCounters& to, const LiveCounters& more) {
    for (const auto member :
         {&LiveCounters::captured, &LiveCounters::processed, &LiveCounters::skipped,
          &LiveCounters::dropped_waiting, &LiveCounters::dropped_prepared,
          &LiveCounters::dropped_undelivered, &LiveCounters::dropped_paused,
          &LiveCounters::dropped_stopped, &LiveCounters::failed}) {
      to.*member += more.*member;
    }
  }
};

/// How the sessions came to the UNet.
void print_shared(const SharedCalls& shared) {
  if (shared.calls == 0) return;
  const auto calls = static_cast<double>(shared.calls);
  std::printf(
      "UNet       %llu calls over %.1f sessions, %.1f rows and %.1f empty seats each; %llu alone\n",
      static_cast<unsigned long long>(shared.calls), static_cast<double>(shared.sessions) / calls,
      static_cast<double>(shared.rows) / calls, static_cast<double>(shared.empty_seats) / calls,
      static_cast<unsigned long long>(shared.calls_alone));
}

void print(const LiveReport& r) {
  print_line(r.title);
  std::printf(
      "delivered  %.1f fps; the engine is busy %.1f %% of the time, %.2f ms an image delivered\n",
      r.fps(), 100 * r.busy_share(), r.busy_each() * 1e3);
  if (r.rates.size() > 1) {
    std::printf("sessions   %zu %s: %.2f fps each, least %.2f, most %.2f\n", r.rates.size(),
                r.shared.calls > 0 ? "in shared calls" : "in turns",
                r.fps() / static_cast<double>(r.rates.size()), r.least(), r.most());
    print_shared(r.shared);
  }
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
  write_metrics(path, {{"model", r.title},
                       {"sessions", static_cast<std::int64_t>(r.rates.size())},
                       {"fps", r.fps()},
                       {"least_fps", r.least()},
                       {"most_fps", r.most()},
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
                       {"failed", count(r.counters.failed)},
                       {"shared_calls", count(r.shared.calls)},
                       {"shared_rows", count(r.shared.rows)},
                       {"shared_sessions", count(r.shared.sessions)},
                       {"empty_seats", count(r.shared.empty_seats)},
                       {"calls_alone", count(r.shared.calls_alone)}});
}

/// Each on a thread of its own.
void for_each_at_once(const std::vector<std::unique_ptr<BenchSession>>& sessions,
                      void (BenchSession::*step)()) {
  std::vector<std::jthread> threads;
  for (const auto& session : sessions)
    threads.emplace_back([&session, step] { (session.get()->*step)(); });
}

}  // namespace

void run_live_bench(params::Settings settings, const LiveBench& bench) {
  Engine engine = open_engine(settings);
  warn_of_settings(engine, settings);
  std::vector<std::unique_ptr<BenchSession>> sessions;
  for (int i = 0; i < bench.sessions; ++i) {
    const double phase = static_cast<double>(i) / bench.sessions;
    sessions.push_back(std::make_unique<BenchSession>(engine, settings.live, bench, phase));
  }
  for_each_at_once(sessions, &BenchSession::warm_up);
  LiveReport report;
  const SharedCalls before = engine.shared_calls();
  const auto start = base::Clock::now();
  for_each_at_once(sessions, &BenchSession::measure);
  report.wall = base::seconds_since(start);
  report.shared = engine.shared_calls().since(before);
  for (const auto& session : sessions) session->end();
  for (const auto& session : sessions) report.add(*session);
  const SessionOptions options = sessions.front()->live().settings().options;
  report.title =
      base::concat(engine.info().model, "  ", *options.width, "x", *options.height, "  ",
                   options.t_index_list.size(), " steps  source ", bench.source_fps, " fps");
  print(report);
  if (!bench.json.empty()) write_json(report, bench.json);
}

}  // namespace streamdiffusion::app
