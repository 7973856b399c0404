// `streamdiffusion bench`: how fast this machine runs a model, as a share of what its processor can
// do at most.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_writer.h"
#include "base/percentile.h"
#include "base/same_file.h"
#include "commands.h"
#include "flicker_bench.h"
#include "live_bench.h"
#include "metrics_file.h"
#include "parameter_flags.h"
#include "setup.h"
#include "test_frame.h"
#include "trace.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kBenchExamples = R"(Examples:
  streamdiffusion bench
  streamdiffusion bench --random-weights sd-turbo --t-index-list 32 --json sd-turbo.json
  How old images are when they are delivered, with a source of 60 frames a second:
    streamdiffusion bench --live
  What four people get who stream at once:
    streamdiffusion bench --live --sessions 4 --source-fps 30
  How steady images are:
    streamdiffusion bench --flicker --latent-feedback-strength 0.15)";

constexpr int kWarmUpFrames = 3;
/// Frames after which memory is measured for the last time.
constexpr int kMemoryFrames = 10;

struct BenchFlags {
  ParameterFlags parameters;
  int frames = 30;
  std::string json, trace;
  double motion = 1;
  bool precompute = true, live = false, flicker = false;
  LiveBench live_bench;
  /// The flags that stand on the command line.
  std::set<std::string, std::less<>> given;
};

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / kMiB;
}

struct Cost {
  double seconds = 0, flops = 0;
  double rate() const { return seconds > 0 ? flops * 1e-9 / seconds : 0; }
};

/// Of a device that counts it: while frames run, and while nothing does.
struct Energy {
  double joules_a_frame = 0, idle_watts = 0;
};

struct Report {
  std::string title;
  double p50_ms = 0, p99_ms = 0, first_frame_ms = 0, fps = 0;
  /// Of the frames that the similarity filter did not skip.
  double processed_p50_ms = 0;
  double peak = 0, gflop = 0, resident = 0, weights = 0, arena = 0;
  std::size_t frames = 0, reused = 0;
  std::map<std::string, Cost> stages, kinds;
  std::vector<OpInfo> ops;
  std::optional<Energy> energy;

  double rate() const { return processed_p50_ms > 0 ? gflop / (processed_p50_ms * 1e-3) : 0; }
  double share() const { return peak > 0 ? rate() / peak : 0; }
  /// Time taken, as a share of what as many processed frames would have taken.
  double live_share() const { return processed_p50_ms > 0 ? 1e3 / fps / processed_p50_ms : 0; }
};

/// The times of the timed frames, taken apart by what the filter did with them.
struct FrameTimes {
  std::vector<double> all, processed;
  /// Mean of those that were processed.
  std::map<std::string, double> stages;

  void fill(Report& report) const {
    report.frames = all.size();
    report.reused = all.size() - processed.size();
    report.p50_ms = base::percentile(all, 0.5) * 1e3;
    report.p99_ms = base::percentile(all, 0.99) * 1e3;
    report.processed_p50_ms = base::percentile(processed, 0.5) * 1e3;
    double total = 0;
    for (const double s : all) total += s;
    report.fps = static_cast<double>(all.size()) / std::max(total, 1e-9);
  }
};

/// Seconds a frame by stage, between two looks at a session's times.
std::map<std::string, double> since(const SessionTimes& before, const SessionTimes& after) {
  const double frames = std::max(1.0, static_cast<double>(after.frames - before.frames));
  return {{"encode", (after.encode - before.encode) / frames},
          {"unet", (after.unet - before.unet) / frames},
          {"decode", (after.decode - before.decode) / frames}};
}

/// What a session works out once and keeps, thrown away and worked out for this frame alone: the
/// prompt's embedding, its keys and values, the schedule's rows and the noise.
void forget_precomputed(Session& session, const SessionOptions& options, int frame) {
  session.set_prompt("a red apple, number " + std::to_string(frame));
  session.set_t_index_list(options.t_index_list);
  session.set_seed(options.seed + frame);
}

/// Feeds a session the test pattern, a batch of frames at a time, and times it.
class Feeder {
 public:
  Feeder(const BenchFlags& flags, const SessionOptions& options, OpenedSession& opened)
      : flags_(flags), session_(opened.session), options_(opened.engine.with_defaults(options)) {}

  int batch() const { return options_.frame_buffer_size; }

  /// One batch. Returns whether an image came out.
  bool feed(FrameTimes& times) {
    std::vector<Image> images;
    for (int i = 0; i < batch(); ++i, ++fed_)
      images.push_back(test_frame(session_.width(), session_.height(), flags_.motion * fed_));
    const std::vector<ImageView> views(images.begin(), images.end());
    const std::uint64_t skipped = session_.times().skipped;
    const auto began = base::Clock::now();
    if (!flags_.precompute) forget_precomputed(session_, options_, fed_);
    const bool came_out = !session_.process(views).empty();
    const double each = base::seconds_since(began) / batch();
    times.all.insert(times.all.end(), views.size(), each);
    if (session_.times().skipped == skipped)
      times.processed.insert(times.processed.end(), views.size(), each);
    return came_out;
  }

 private:
  const BenchFlags& flags_;
  Session& session_;
  SessionOptions options_;
  int fed_ = 0;
};

/// Fills the stream, warms up for a few frames or a second, and times the rest.
FrameTimes time_frames(const BenchFlags& flags, const SessionOptions& options,
                       OpenedSession& opened, base::Clock::time_point start, Report& report) {
  Feeder feeder(flags, options, opened);
  FrameTimes warm_up, times;
  while (!feeder.feed(warm_up)) {
  }
  report.first_frame_ms = base::seconds_since(start) * 1e3;
  const auto warm = base::Clock::now();
  for (int i = 0; i < kWarmUpFrames && base::seconds_since(warm) < 1; ++i) feeder.feed(warm_up);
  const SessionTimes before = opened.session.times();
  for (int i = 0; i < flags.frames; i += feeder.batch()) {
    feeder.feed(times);
    if (i <= kMemoryFrames) report.resident = resident_mib();
  }
  times.stages = since(before, opened.session.times());
  return times;
}

/// Over as many frames as it takes to see a counter that is renewed some ten times a second.
/// Nothing if the device has none.
std::optional<Energy> measure_energy(const BenchFlags& flags, const SessionOptions& options,
                                     OpenedSession& opened) {
  constexpr double kSeconds = 2;
  const auto joules = [&] { return opened.engine.energy_joules(); };
  if (!joules()) return std::nullopt;
  Feeder feeder(flags, options, opened);
  FrameTimes times;
  const double before = joules().value_or(0);
  const auto start = base::Clock::now();
  while (base::seconds_since(start) < kSeconds) feeder.feed(times);
  const double used = joules().value_or(0) - before;
  const auto idle_start = base::Clock::now();
  const double idle_before = joules().value_or(0);
  std::this_thread::sleep_for(std::chrono::duration<double>(kSeconds));
  const double idle = joules().value_or(0) - idle_before;
  return Energy{used / static_cast<double>(std::max<std::size_t>(times.all.size(), 1)),
                idle / base::seconds_since(idle_start)};
}

/// The embedding of control images is timed with the UNet.
std::string stage_of(const OpInfo& op) {
  return op.stage == "control" ? "unet" : op.stage;
}

/// The work of a frame by stage, with the wall's time, and by kind of op. Where rows run side by
/// side, so do their ops: the sum of their times is then brought down to the wall's.
void add_work(Report& report, const std::map<std::string, double>& wall, int batch,
              int unet_calls) {
  std::map<std::string, double> summed;
  const auto runs = [&](const OpInfo& op) {
    return (op.stage == "unet" ? unet_calls : 1.0) / batch;
  };
  const auto each_op = [&](const auto& use) {
    for (const OpInfo& op : report.ops)
      if (op.lifetime == "per frame") use(op);
  };
  each_op([&](const OpInfo& op) {
    summed[stage_of(op)] += runs(op) * op.seconds;
    report.stages[stage_of(op)].flops += runs(op) * op.flops;
    report.gflop += runs(op) * op.flops * 1e-9;
  });
  for (auto& [stage, cost] : report.stages) cost.seconds = wall.at(stage);
  each_op([&](const OpInfo& op) {
    Cost& cost = report.kinds[op.kind];
    cost.seconds +=
        runs(op) * op.seconds * std::min(1.0, wall.at(stage_of(op)) / summed[stage_of(op)]);
    cost.flops += runs(op) * op.flops;
  });
}

Report measure(const BenchFlags& flags) {
  const auto start = base::Clock::now();
  params::Settings settings = flags.parameters.parsed();
  settings.engine.profile = true;
  const SessionOptions& options = settings.live.options;
  OpenedSession opened = open_session(settings, false);
  const Session& session = opened.session;
  Report report;
  const FrameTimes times = time_frames(flags, options, opened, start, report);
  report.title = opened.engine.info().model + "  " + session.description();
  times.fill(report);
  report.ops = opened.engine.ops(session);
  add_work(report, times.stages, options.frame_buffer_size,
           options.use_denoising_batch ? 1 : session.steps());
  report.weights = static_cast<double>(opened.engine.info().weight_bytes) / kMiB;
  report.arena = static_cast<double>(opened.engine.arena_bytes(session)) / kMiB;
  report.energy = measure_energy(flags, options, opened);
  report.peak = opened.engine.measure_peak();
  return report;
}

void print_costs(const std::map<std::string, Cost>& costs, double peak) {
  for (const auto& [name, cost] : costs) {
    std::printf("  %-18s %9.2f %10.2f %9.0f %8.0f %%\n", name.c_str(), cost.seconds * 1e3,
                cost.flops * 1e-9, cost.rate(), 100 * cost.rate() / peak);
  }
}

void print(const Report& r) {
  print_line(r.title);
  std::printf("frame     p50 %.2f ms  p99 %.2f ms  %.1f fps  (first after %.0f ms)\n", r.p50_ms,
              r.p99_ms, r.fps, r.first_frame_ms);
  if (r.reused > 0) {
    std::printf("filter    %zu of %zu frames reused: %.1f %% of the live work\n", r.reused,
                r.frames, 100 * r.live_share());
  }
  std::printf("work      %.2f GFLOP a frame, %.0f GFLOP/s: %.0f %% of the peak of %.0f GFLOP/s\n",
              r.gflop, r.rate(), 100 * r.share(), r.peak);
  std::printf("memory    %.0f MiB resident (weights %.0f, activations %.0f)\n", r.resident,
              r.weights, r.arena);
  if (r.energy) {
    std::printf("energy    %.3f J a frame; idle, the device takes %.0f W\n",
                r.energy->joules_a_frame, r.energy->idle_watts);
  }
  std::printf("  %-18s %9s %10s %9s %10s\n", "stage", "ms", "GFLOP", "GFLOP/s", "of peak");
  print_costs(r.stages, r.peak);
  std::printf("  %-18s\n", "kind of op");
  print_costs(r.kinds, r.peak);
  print_slowest(r.ops, r.peak);
  std::printf(
      "peak: fastest of two large convolutions on the same threads, measured in this run\n");
}

Metrics in_ms(const std::map<std::string, Cost>& costs) {
  Metrics metrics;
  for (const auto& [name, cost] : costs) metrics.push_back({name, cost.seconds * 1e3});
  return metrics;
}

void write_json(const Report& r, const std::string& path) {
  Metrics metrics{{"model", r.title},
                  {"frame_ms", Metrics{{"p50", r.p50_ms}, {"p99", r.p99_ms}}},
                  {"fps", r.fps},
                  {"stages_ms", in_ms(r.stages)},
                  {"kinds_ms", in_ms(r.kinds)},
                  {"gflop_per_frame", r.gflop},
                  {"peak_gflops", r.peak},
                  {"share_of_peak", r.share()},
                  {"resident_mib", r.resident},
                  {"weights_mib", r.weights},
                  {"arena_mib", r.arena},
                  {"frames", static_cast<std::int64_t>(r.frames)},
                  {"reused", static_cast<std::int64_t>(r.reused)},
                  {"share_of_live_work", r.live_share()},
                  {"first_frame_ms", r.first_frame_ms}};
  if (r.energy) {
    metrics.push_back({"energy", Metrics{{"joules_per_frame", r.energy->joules_a_frame},
                                         {"idle_watts", r.energy->idle_watts}}});
  }
  write_metrics(path, metrics);
}

void run_bench(BenchFlags& flags) {
  const auto given = [&](const char* flag) { return flags.given.contains(flag); };
  for (const char* flag : {"--source-fps", "--seconds", "--storm", "--sessions"}) {
    warn_without_effect(!flags.live && given(flag), flag, "without --live");
  }
  base::require(!flags.live || !flags.flicker, ErrorCode::invalid_argument,
                "--live and --flicker are both given, expected one of them");
  for (const char* flag : {"--frames", "--trace", "--no-precompute"}) {
    warn_without_effect(flags.live && given(flag), flag, "with --live");
  }
  for (const char* flag : {"--motion", "--trace", "--no-precompute"}) {
    warn_without_effect(flags.flicker && given(flag), flag, "with --flicker");
  }
  base::refuse_overwriting(flags.parameters.inputs(), {flags.json, flags.trace});
  base::refuse_writing_twice({flags.json, flags.trace});
  for (const std::string& file : {flags.json, flags.trace})
    if (!file.empty()) base::check_writable(file);
  if (flags.live) {
    flags.live_bench.motion = flags.motion;
    flags.live_bench.json = flags.json;
    return run_live_bench(flags.parameters.parsed(), flags.live_bench);
  }
  if (flags.flicker) return run_flicker_bench(flags.parameters.parsed(), flags.frames, flags.json);
  const Report report = measure(flags);
  print(report);
  if (!flags.json.empty()) write_json(report, flags.json);
  if (!flags.trace.empty()) write_trace(flags.trace, report.ops);
}

}  // namespace

void add_bench_command(CommandLine& program) {
  auto bench = std::make_shared<BenchFlags>();
  LiveBench& live = bench->live_bench;
  Flags flags = program.command("bench", "How fast this machine runs a model");
  flags.integer("--frames", bench->frames, 1, 1000000, "Frames to time");
  flags.number("--motion", bench->motion, 0, 100,
               "How fast the test pattern moves: 1, or 0 for a still scene");
  flags.flag("!--no-precompute", bench->precompute,
             "Compute prompt, noise and schedule anew for each frame");
  flags.text("--json", bench->json, "Also write the figures to a file", {.value = "FILE"});
  flags.text("--trace", bench->trace,
             "Also write what every thread did in the last frame, in Chrome's trace format",
             {.value = "FILE"});
  flags.flag("--live", bench->live,
             "Frames come by the clock and the newest wins: age, waits, engine's idle time");
  flags.flag("--flicker", bench->flicker,
             "How much images change from frame to frame, for a still scene and a moving one");
  flags.number("--source-fps", live.source_fps, 0.1, 1000, "With --live: frames a second");
  flags.number("--seconds", live.seconds, 0.1, 86400, "With --live: how long");
  flags.flag("--storm", live.storm,
             "With --live: LoRA scales, prompt, steps, guidance or size change every "
             "second, or every six calls");
  flags.integer("--sessions", live.sessions, 1, 64,
                "With --live: clients at once, each with its own stream");
  bench->parameters.add_engine(flags);
  bench->parameters.add_stream(flags, false);
  flags.examples(kBenchExamples);
  flags.run([bench, flags] {
    bench->given = flags.given();
    run_bench(*bench);
  });
}

}  // namespace streamdiffusion::app
