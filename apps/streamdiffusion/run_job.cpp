#include "run_job.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/join.h"
#include "base/log.h"
#include "base/same_file.h"
#include "media/first_frame.h"
#include "opened_files.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

/// Frames that wait before each stage where none may be lost.
constexpr int kQueueDepth = 4;
/// How soon a stop ends a wait.
constexpr auto kStopPoll = std::chrono::milliseconds(10);
/// How long after a stop a write may wait for its reader.
constexpr auto kReaderGrace = std::chrono::seconds(2);
/// How many frames that fail are named one by one.
constexpr std::uint64_t kNamedFailures = 20;

/// What a frame carries through the session.
struct FrameTag {
  std::uint64_t number;
  std::int64_t pts, duration;
};

/// What a write is waiting for, if anything, is known by its begin.
class Writing {
 public:
  explicit Writing(std::atomic<base::Clock::rep>& since) : since_(since) {
    since_ = base::Clock::now().time_since_epoch().count();
  }
  ~Writing() { since_ = 0; }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

 private:
  std::atomic<base::Clock::rep>& since_;
};

}  // namespace

RunJob::RunJob(RunFlags flags) : flags_(std::move(flags)), settings_(flags_.parameters.parsed()) {
  if (flags_.quiet) base::set_log_callback(print_warnings_alone);
  base::require(!flags_.input.empty() || ::isatty(STDIN_FILENO) == 0, ErrorCode::invalid_argument,
                "there is no --input, and standard input is a terminal; expected a camera such as "
                "/dev/video0, screen:, a file, a folder, an address or a pipe");
  if (flags_.input.empty()) flags_.input = "-";
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  if (flags_.output.empty()) flags_.output = terminal ? std::string("window") : std::string("-");
  base::require(flags_.output != "-" || !terminal, ErrorCode::invalid_argument,
                "--output -: standard output is a terminal; give a file, window, or a pipe");
  media::check_output(flags_.output);
  media::check_codec(flags_.output, flags_.codec);
  // A named pipe that is both would wait for itself. Images in a folder are compared one by one.
  std::error_code ignored;
  if (!std::filesystem::is_directory(flags_.output, ignored)) {
    base::refuse_overwriting({flags_.input}, {flags_.output});
  }
}

void RunJob::run() {
  const auto begin = base::Clock::now();
  open_sources();
  refuse_overwriting();
  engine_.emplace(open_engine(settings_, &signals_));
  warn_of_settings(*engine_, settings_);
  warn_without_style(settings_);
  if (signals_.received() != 0) throw Stopped{signals_.received()};
  realtime_ =
      flags_.realtime.value_or(source_->info().live || media::is_live_output(flags_.output));
  open_sink();
  const QueuePolicy policy =
      realtime_ ? QueuePolicy{} : QueuePolicy{QueuePolicy::Kind::block, kQueueDepth};
  open_session(policy);
  if (!flags_.osc.listen.empty()) osc_.emplace(flags_.osc, *live_, settings_);
  if (!flags_.quiet) {
    print_ready(*engine_, stream_text(live_->settings().options), base::seconds_since(begin));
    if (osc_) std::fprintf(stderr, "OSC on %s\n", osc_->address().c_str());
  }
  signals_.watch([this] { return should_stop(); });
  progress_.emplace(expected_frames(), flags_.quiet, "age ");
  try {
    stream();
    finish();
  } catch (const Error& error) {
    if (signals_.received() == 0) throw;
    base::warn(error);
  }
  if (signals_.received() != 0) throw Stopped{signals_.received()};
}

/// Asked ten times a second. A reader that takes nothing any more must not outlive a stop: the
/// write that waits for it is given up after a time of grace.
bool RunJob::should_stop() {
  const auto now = base::Clock::now().time_since_epoch().count();
  if (signals_.received() != 0 && stopped_at_ == 0) stopped_at_ = now;
  const auto since = writing_since_.load();
  if (stopped_at_ != 0 && since != 0) {
    const base::Clock::duration waited(now - std::max(since, stopped_at_));
    if (waited >= kReaderGrace) sink_->interrupt();
  }
  return sink_->closed() || live_->state() == LiveState::failed;
}

void RunJob::open_sources() {
  media::SourceOptions options{.format = flags_.input_format,
                               .strict = flags_.strict,
                               .protocols = flags_.input_protocols,
                               .stop = stop_};
  if (flags_.size)
    std::tie(options.width, options.height) = std::pair(flags_.size->width, flags_.size->height);
  base::require(flags_.input_format != "rgb24" || options.width > 0, ErrorCode::invalid_argument,
                "--input-format rgb24 has no header: give its size with --input-size WxH");
  if (flags_.fps > 0) options.rate = media::nearest_rational(flags_.fps);
  const auto before = open_files();
  source_ = open_source(flags_.input, options);
  if (!flags_.control_input.empty() && !settings_.engine.controlnets.empty()) {
    base::require(flags_.control_input != flags_.input || !media::is_pipe_input(flags_.input),
                  ErrorCode::invalid_argument,
                  "--input and --control-input are one pipe, expected another one");
    control_input_.emplace(
        open_source(flags_.control_input,
                    {.strict = flags_.strict, .protocols = flags_.input_protocols, .stop = stop_}));
  }
  for (const auto& [descriptor, path] : open_files()) {
    if (!before.contains(descriptor)) opened_inputs_.push_back(path);
  }
  if (flags_.fps > 0) source_ = media::at_rate(std::move(source_), options.rate);
}

std::unique_ptr<media::FrameSource> RunJob::open_source(const std::string& input,
                                                        const media::SourceOptions& options) const {
  try {
    auto source = media::open_source(input, options);
    const bool at_once = !source->info().live && media::has_frames_at_once(input);
    return at_once ? media::with_first_frame(std::move(source)) : std::move(source);
  } catch (const Error&) {
    if (signals_.received() != 0) throw Stopped{signals_.received()};
    throw;
  }
}

/// Before anything is written, and before a model is loaded.
void RunJob::refuse_overwriting() const {
  const media::SourceInfo& info = source_->info();
  std::vector<std::filesystem::path> inputs = info.files;
  inputs.emplace_back(flags_.input);
  inputs.insert(inputs.end(), opened_inputs_.begin(), opened_inputs_.end());
  inputs.emplace_back(flags_.control_input);
  if (control_input_) {
    const auto& files = control_input_->info().files;
    inputs.insert(inputs.end(), files.begin(), files.end());
  }
  inputs.emplace_back(flags_.config);
  std::ranges::copy(flags_.parameters.inputs(), std::back_inserter(inputs));
  std::vector<std::filesystem::path> outputs = media::replaced_files(flags_.output, info.files);
  if (!flags_.json.empty()) outputs.emplace_back(flags_.json);
  base::refuse_overwriting(inputs, outputs);
  base::refuse_writing_twice(outputs);
  media::refuse_others_files(flags_.output, info.files);
  if (!flags_.json.empty()) base::check_creatable(flags_.json);
}

void RunJob::open_sink() {
  const SessionOptions session = engine_->with_defaults(settings_.live.options);
  engine_->check(session);
  const media::SourceInfo& info = source_->info();
  media::SinkOptions options{.width = session.width.value(),
                             .height = session.height.value(),
                             .time_base = info.time_base,
                             .rate = info.rate,
                             .extras = source_->extras(),
                             .end = end_of_limits(),
                             .codec = flags_.codec,
                             .format = flags_.output_format,
                             .named_after = info.files,
                             .stop = stop_};
  if (flags_.no_audio) options.extras = options.extras.without_sound();
  std::error_code ignored;
  folder_was_there_ = std::filesystem::is_directory(flags_.output, ignored);
  try {
    sink_ = media::open_sink(flags_.output, options);
  } catch (const Error&) {
    if (signals_.received() != 0) throw Stopped{signals_.received()};
    throw;
  }
  if (!sink_->note().empty()) base::warn(sink_->note());
}

void RunJob::open_session(const QueuePolicy& policy) {
  signals_.on_give_up([path = sink_->path(), wrote = wrote_,
                       kept = folder_was_there_ ? flags_.output : std::string()] {
    std::error_code ignored;  // devices and pipes stay, and so does a folder of the user's
    const auto status = std::filesystem::status(path, ignored);
    const bool own = std::filesystem::is_regular_file(status) ||
                     (std::filesystem::is_directory(status) && path != kept);
    if (own && !*wrote) std::filesystem::remove(path, ignored);
  });
  try {
    live_ = std::make_unique<LiveSession>(
        *engine_, settings_.live, policy,
        LiveCallbacks{.output = [this](const LiveOutput& output) { take(output); },
                      .error = [this](const Error& error,
                                      std::optional<std::uint64_t> id) { note_failure(error, id); },
                      .interrupt = [this] { sink_->interrupt(); }},
        signals_.opening());
    signals_.opened();
  } catch (const Error&) {
    if (signals_.received() != 0) throw Stopped{signals_.received()};
    throw;
  }
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

/// In seconds from the input's start; 0 where there is no limit, or none that can be foreseen.
double RunJob::end_of_limits() const {
  const media::Rational rate = source_->info().rate;
  const bool counted = flags_.frames > 0 && rate.positive();
  const double of_frames = counted ? static_cast<double>(flags_.frames) / rate.value() : 0;
  if (of_frames <= 0 || flags_.duration <= 0) return std::max(of_frames, flags_.duration);
  return std::min(of_frames, flags_.duration);
}

double RunJob::time_of(const media::Frame& frame) const {
  return static_cast<double>(frame.pts) * source_->info().time_base.value();
}

bool RunJob::within_limits(const media::Frame& frame) const {
  return (flags_.frames == 0 || frame.number <= flags_.frames) &&
         (flags_.duration <= 0 || time_of(frame) < flags_.duration);
}

void RunJob::wait_until_due(const media::Frame& frame) const {
  const double wait = time_of(frame) - base::seconds_since(start_);
  if (wait > static_cast<double>(media::kLongestRepeat)) {
    base::warn(source_->info().name, ": frame ", frame.number, " is due in ", wait,
               " s; without --realtime nothing waits for it");
  }
  while (!*stop_) {
    const double left = time_of(frame) - base::seconds_since(start_);
    if (left <= 0) return;
    std::this_thread::sleep_for(
        std::min<std::chrono::duration<double>>(std::chrono::duration<double>(left), kStopPoll));
  }
}

/// Submits the source's frames. An error that ends it early is kept for finish().
void RunJob::stream() {
  start_ = base::Clock::now();
  const bool paced = realtime_ && !source_->info().live;
  if (const auto& entries = settings_.run.prompt_schedule; !entries.empty()) {
    schedule_.emplace(*live_, entries);
  }
  try {
    while (auto frame = source_->read()) {
      if (!within_limits(*frame)) return;
      if (paced) wait_until_due(*frame);
      const FrameTag tag{frame->number, frame->pts, frame->duration};
      LiveFrame live{.image = std::move(frame->image),
                     .prompts = schedule_ ? schedule_->at(time_of(*frame)) : nullptr,
                     .tag = tag};
      if (control_input_) live.control_source = control_input_->at(time_of(*frame));
      if (!live_->submit(std::move(live))) return;
      if (flags_.frames == tag.number) return;
    }
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = error;
  }
}

void RunJob::take(const LiveOutput& output) {
  if (is_after_failure(output.frame_id)) return;
  const auto tag = std::any_cast<FrameTag>(output.tag);
  const Writing writing(writing_since_);
  sink_->write(*output.image, tag.pts, tag.duration);
  *wrote_ = true;
  progress_->step(output.age(), tag.number);
}

bool RunJob::is_after_failure(std::uint64_t frame_id) {
  const std::lock_guard lock(mutex_);
  return failed_frame_ && frame_id > *failed_frame_;
}

/// The other frames are drawn all the same, unless the user is strict or the program is at fault.
void RunJob::note_failure(const Error& error, std::optional<std::uint64_t> frame_id) {
  if (live_->state() == LiveState::failed) return;  // an output that fails is told by finish()
  const std::lock_guard lock(mutex_);
  if (!realtime_ && (flags_.strict || error.code() == ErrorCode::internal)) {
    if (!failure_) {
      failure_ = error;
      failed_frame_ = frame_id;
    }
    *stop_ = true;
    return;
  }
  ++failed_frames_;
  if (failed_frames_ <= kNamedFailures) base::warn(error);
  if (failed_frames_ == kNamedFailures) base::warn("further frames that fail are only counted");
}

void RunJob::finish() {
  live_->drain();
  std::optional<Error> failure = live_->failure();
  {
    const std::lock_guard lock(mutex_);
    if (!failure) failure = failure_;
  }
  if (failure) end_early(*failure);
  if (progress_->done() == 0 && signals_.received() == 0 && !sink_->closed()) {
    end_early(Error(ErrorCode::corrupt_file, flags_.input + ": no frame could be drawn"));
  }
  if (progress_->done() > 0) {
    const Writing writing(writing_since_);
    try {
      sink_->finish();
    } catch (const Error& error) {
      fail_with_the_rest(error);
    }
  }
  if (!flags_.quiet) report();
  if (!flags_.json.empty()) write_json();
  if (signals_.received() == 0) say_which_prompts_never_came();
  say_what_is_missing();
}

/// The output could not be completed. A file of it stays, and may play.
void RunJob::fail_with_the_rest(const Error& failure) const {
  const std::string file = sink_->path();
  std::error_code ignored;
  if (base::is_stream(file) || !std::filesystem::exists(file, ignored)) throw failure;
  base::fail(failure.code(), failure.what(), "; what could be written is in ", file);
}

/// Keeps what was drawn, but not in the place of an older output.
void RunJob::end_early(const Error& failure) {
  const std::size_t written = progress_->done();
  if (written == 0) throw failure;
  try {
    const Writing writing(writing_since_);
    sink_->finish_partly();
  } catch (const Error&) {  // says at most what is known already
    fail_with_the_rest(failure);
  }
  if (!flags_.quiet) report();
  if (!flags_.json.empty()) write_json();
  base::fail(failure.code(), failure.what(), "; ", written, written == 1 ? " frame" : " frames",
             " written to ", sink_->path(), written == 1 ? ", which plays" : ", which play");
}

}  // namespace streamdiffusion::app
