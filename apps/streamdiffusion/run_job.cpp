#include "run_job.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/join.h"
#include "base/log.h"
#include "figures.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

/// Frames that wait before each stage where none may be lost.
constexpr int kQueueDepth = 4;
/// How soon a stop ends a wait.
constexpr auto kStopPoll = std::chrono::milliseconds(10);

/// What a frame carries through the session.
struct FrameTag {
  std::uint64_t number;
  std::int64_t pts, duration;
};

/// "640x480"
std::pair<int, int> parse_size(const std::string& text) {
  int width = 0, height = 0, end = 0;
  const bool whole = std::sscanf(text.c_str(), "%dx%d%n", &width, &height, &end) == 2 &&
                     end == static_cast<int>(text.size());
  base::require(whole && width > 0 && height > 0, ErrorCode::invalid_argument, "--input-size ",
                text, ": expected a size such as 640x480");
  return {width, height};
}

void require_another_file(const std::string& input, const std::string& output) {
  std::error_code ignored;
  base::require(!std::filesystem::equivalent(input, output, ignored), ErrorCode::invalid_argument,
                output, ": is also the input");
}

}  // namespace

RunJob::RunJob(RunFlags flags) : flags_(std::move(flags)), settings_(flags_.parameters.parsed()) {
  if (flags_.input.empty()) flags_.input = "-";
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  if (flags_.output.empty()) flags_.output = terminal ? std::string("window") : std::string("-");
  base::require(flags_.output != "-" || !terminal, ErrorCode::invalid_argument,
                "--output -: standard output is a terminal; give a file, window, or a pipe");
  media::check_output(flags_.output);
  require_another_file(flags_.input, flags_.output);
}

void RunJob::run() {
  const auto begin = base::Clock::now();
  open_source();
  engine_.emplace(open_engine(settings_.engine));
  warn_of_settings(*engine_, settings_);
  if (signals_.received() != 0) throw Stopped{signals_.received()};
  realtime_ =
      flags_.realtime.value_or(source_->info().live || media::is_live_output(flags_.output));
  open_sink();
  const QueuePolicy policy =
      realtime_ ? QueuePolicy{} : QueuePolicy{QueuePolicy::Kind::block, kQueueDepth};
  live_ = std::make_unique<LiveSession>(
      *engine_, settings_.live, policy,
      LiveCallbacks{.output = [this](const LiveOutput& output) { take(output); },
                    .error = [this](const Error& error,
                                    std::optional<std::uint64_t> id) { note_failure(error, id); },
                    .interrupt = [this] { sink_->interrupt(); }});
  if (!flags_.quiet) say_opened(base::seconds_since(begin));
  signals_.watch([this] { return sink_->closed() || live_->state() == LiveState::failed; });
  progress_.emplace(expected_frames(), flags_.quiet, "age ");
  stream();
  finish();
  if (signals_.received() != 0) throw Stopped{signals_.received()};
}

void RunJob::open_source() {
  media::SourceOptions options{.format = flags_.input_format, .stop = stop_};
  if (!flags_.input_size.empty()) {
    std::tie(options.width, options.height) = parse_size(flags_.input_size);
  }
  base::require(flags_.input_format != "rgb24" || options.width > 0, ErrorCode::invalid_argument,
                "--input-format rgb24 has no header: give its size with --input-size WxH");
  if (flags_.fps > 0) options.rate = media::nearest_rational(flags_.fps);
  try {
    source_ = media::open_source(flags_.input, options);
  } catch (const Error&) {
    if (signals_.received() != 0) throw Stopped{signals_.received()};
    throw;
  }
  if (flags_.fps > 0) source_ = media::at_rate(std::move(source_), options.rate);
}

void RunJob::open_sink() {
  const SessionOptions session = engine_->with_defaults(settings_.live.options);
  engine_->check(session);
  const media::SourceInfo& info = source_->info();
  media::SinkOptions options{.width = session.width.value(),
                             .height = session.height.value(),
                             .time_base = info.time_base,
                             .codec = flags_.codec,
                             .format = flags_.output_format};
  if (info.rate.positive()) options.rate = info.rate;
  if (!flags_.no_audio) options.audio = source_->audio();
  sink_ = media::open_sink(flags_.output, options);
  if (!sink_->note().empty()) base::warn(sink_->note());
}

std::size_t RunJob::expected_frames() const {
  const media::SourceInfo& info = source_->info();
  std::uint64_t expected = info.frames;
  const auto limit = [&](std::uint64_t most) {
    if (most > 0) expected = expected > 0 ? std::min(expected, most) : most;
  };
  limit(flags_.frames);
  if (info.rate.positive()) {
    limit(static_cast<std::uint64_t>(flags_.duration * info.rate.value() + 0.5));
  }
  return expected;
}

bool RunJob::within_limits(const media::Frame& frame) const {
  const double time = static_cast<double>(frame.pts) * source_->info().time_base.value();
  return (flags_.frames == 0 || frame.number <= flags_.frames) &&
         (flags_.duration <= 0 || time < flags_.duration);
}

void RunJob::wait_until_due(const media::Frame& frame) const {
  const double time = static_cast<double>(frame.pts) * source_->info().time_base.value();
  while (!*stop_) {
    const double left = time - base::seconds_since(start_);
    if (left <= 0) return;
    std::this_thread::sleep_for(
        std::min<std::chrono::duration<double>>(std::chrono::duration<double>(left), kStopPoll));
  }
}

/// Submits the source's frames. An error that ends it early is kept for finish().
void RunJob::stream() {
  start_ = base::Clock::now();
  const bool paced = realtime_ && !source_->info().live;
  try {
    while (auto frame = source_->read()) {
      if (!within_limits(*frame)) return;
      if (paced) wait_until_due(*frame);
      const FrameTag tag{frame->number, frame->pts, frame->duration};
      if (!live_->submit({.image = std::move(frame->image), .tag = tag})) return;
      if (flags_.frames == tag.number) return;
    }
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = error;
  }
}

void RunJob::take(const LiveOutput& output) {
  const auto tag = std::any_cast<FrameTag>(output.tag);
  sink_->write(*output.image, tag.pts, tag.duration);
  progress_->step(output.age(), tag.number);
}

/// A frame that fails ends the run of a file, where nothing may be lost.
void RunJob::note_failure(const Error& error, std::optional<std::uint64_t>) {
  const std::lock_guard lock(mutex_);
  if (realtime_) {
    if (!std::exchange(warned_, true)) base::warn(error.what(), "; such frames are skipped");
    return;
  }
  if (!failure_) failure_ = error;
  *stop_ = true;
}

void RunJob::finish() {
  live_->drain();
  if (const auto failure = live_->failure()) throw *failure;
  sink_->finish();
  if (!flags_.quiet) report();
  if (!flags_.json.empty()) write_json();
  const std::lock_guard lock(mutex_);
  if (!failure_) return;
  const std::size_t written = progress_->done();
  if (written == 0) throw *failure_;
  base::fail(failure_->code(), failure_->what(), "; ", written, " frames written to ",
             flags_.output, ", which play");
}

void RunJob::say_opened(double seconds) const {
  const EngineInfo info = engine_->info();
  const SessionOptions options = live_->settings().options;
  const std::string steps = base::joined(options.t_index_list, {}, ",");
  std::fprintf(stderr, "%s  %dx%d  t %s  %s on %s  ready in %.2f s\n", info.model.c_str(),
               options.width.value(), options.height.value(), steps.c_str(), info.dtype.c_str(),
               info.device.c_str(), seconds);
}

void RunJob::report() const {
  const LiveCounters counters = live_->counters();
  std::fprintf(stderr, "\n%zu frames  %s\n%s\n", progress_->done(), progress_->summary().c_str(),
               stage_times(live_->times()).c_str());
  const std::pair<std::uint64_t, const char*> more[]{
      {counters.skipped, "reused by the similarity filter"},
      {counters.dropped(), "dropped for newer ones"},
      {counters.failed, "failed"}};
  for (const auto& [count, what] : more) {
    if (count > 0) {
      std::fprintf(stderr, "%llu frames %s\n", static_cast<unsigned long long>(count), what);
    }
  }
}

void RunJob::write_json() const {
  const LiveCounters counters = live_->counters();
  const auto count = [](std::uint64_t frames) { return static_cast<std::int64_t>(frames); };
  write_figures(flags_.json,
                {{"input", flags_.input},
                 {"output", flags_.output},
                 {"captured", count(counters.captured)},
                 {"processed", count(counters.processed)},
                 {"skipped", count(counters.skipped)},
                 {"dropped", count(counters.dropped())},
                 {"failed", count(counters.failed)},
                 {"seconds", progress_->elapsed()},
                 {"fps", static_cast<double>(progress_->done()) / progress_->elapsed()},
                 {"age_p50_ms", progress_->percentile(0.5) * 1e3},
                 {"age_p99_ms", progress_->percentile(0.99) * 1e3}});
}

}  // namespace streamdiffusion::app
