// One run: frames from a source through a live session into a sink, until the source ends, a limit
// is reached or the user stops it.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "control_input.h"
#include "live/encoded_schedule.h"
#include "media/frame_sink.h"
#include "media/frame_source.h"
#include "osc_stream.h"
#include "progress.h"
#include "run_flags.h"
#include "stop_signals.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::app {

class RunJob {
 public:
  explicit RunJob(RunFlags flags);
  ~RunJob() { signals_.leave(); }
  RunJob(const RunJob&) = delete;
  RunJob& operator=(const RunJob&) = delete;
  /// Throws Error, after the output was completed as far as it goes, and Stopped.
  void run();

 private:
  void open_sources();
  std::unique_ptr<media::FrameSource> open_source(const std::string& input,
                                                  const media::SourceOptions& options) const;
  void refuse_overwriting() const;
  void open_sink();
  void open_session(const QueuePolicy& policy);
  bool should_stop();
  std::size_t expected_frames() const;
  void stream();
  double end_of_limits() const;
  /// Seconds from the input's start.
  double time_of(const media::Frame& frame) const;
  bool within_limits(const media::Frame& frame) const;
  void wait_until_due(const media::Frame& frame) const;
  void take(const LiveOutput& output);
  bool is_after_failure(std::uint64_t frame_id);
  void note_failure(const Error& error, std::optional<std::uint64_t> frame_id);
  void finish();
  [[noreturn]] void end_early(const Error& failure);
  [[noreturn]] void fail_with_the_rest(const Error& failure) const;
  void say_what_is_missing() const;
  void say_which_prompts_never_came() const;
  void report() const;
  void write_json() const;

  RunFlags flags_;
  params::Settings settings_;
  media::StopFlag stop_ = media::make_stop_flag();
  StopSignals signals_{stop_};
  bool realtime_ = false;
  std::unique_ptr<media::FrameSource> source_;
  /// With --control-input.
  std::optional<ControlInput> control_input_;
  /// Files that the source has opened, whatever its text says.
  std::vector<std::filesystem::path> opened_inputs_;
  std::optional<Engine> engine_;
  std::unique_ptr<media::FrameSink> sink_;
  std::unique_ptr<LiveSession> live_;
  std::optional<live::EncodedSchedule> schedule_;
  std::optional<OscStream> osc_;
  std::optional<Progress> progress_;
  base::Clock::time_point start_{};
  std::mutex mutex_;
  /// The first that ends the run.
  std::optional<Error> failure_;
  /// The frame that ended the run. Those behind it, which were on their way, are not written.
  std::optional<std::uint64_t> failed_frame_;
  std::uint64_t failed_frames_ = 0;
  bool folder_was_there_ = false;
  /// The sink took a frame.
  std::shared_ptr<std::atomic<bool>> wrote_ = std::make_shared<std::atomic<bool>>(false);
  /// When the sink began the write that it is in, and when a stop was first seen; 0 for never.
  std::atomic<base::Clock::rep> writing_since_{0};
  base::Clock::rep stopped_at_ = 0;
};

}  // namespace streamdiffusion::app
