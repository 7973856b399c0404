// What a run says at its end.
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "base/join.h"
#include "base/log.h"
#include "metrics_file.h"
#include "run_job.h"
#include "setup.h"

namespace streamdiffusion::app {

/// Frames that were damaged are in the output; those that failed or could not be decoded are not.
void RunJob::say_what_is_missing() const {
  const std::uint64_t damaged = source_->damaged();
  if (damaged > 0) {
    base::warn(source_->info().name, ": ", damaged, damaged == 1 ? " frame was" : " frames were",
               " damaged");
  }
  const std::uint64_t missing = failed_frames_ + source_->lost();
  if (missing == 0) return;
  const std::string message =
      base::concat(source_->info().name, ": ", missing, missing == 1 ? " frame" : " frames",
                   " could not be drawn, ", progress_->done(), " are in ", flags_.output);
  base::require(source_->info().live || signals_.received() != 0, ErrorCode::corrupt_file, message);
  base::warn(message);
}

void RunJob::say_which_prompts_never_came() const {
  const std::size_t left = schedule_ ? schedule_->left() : 0;
  if (left == 0) return;
  const auto& entries = settings_.run.prompt_schedule;
  base::warn("prompt_schedule: ", left, " of ", entries.size(),
             left == 1 ? " entry comes" : " entries come",
             " after the last frame; the first is for ", entries[entries.size() - left].time, " s");
}

void RunJob::report() const {
  const LiveCounters counters = live_->counters();
  std::fprintf(stderr, "\n%zu frame%s  %s\n%s\n", progress_->done(),
               progress_->done() == 1 ? "" : "s", progress_->summary().c_str(),
               stage_times(live_->times()).c_str());
  const std::pair<std::uint64_t, const char*> more[]{
      {counters.skipped, "reused by the similarity filter"},
      {counters.dropped(), "dropped for newer ones"},
      {counters.failed, "failed"}};
  for (const auto& [count, what] : more) {
    if (count > 0) {
      std::fprintf(stderr, "%llu frame%s %s\n", static_cast<unsigned long long>(count),
                   count == 1 ? "" : "s", what);
    }
  }
}

void RunJob::write_json() const {
  const LiveCounters counters = live_->counters();
  const std::uint64_t lost = source_->lost();
  const auto count = [](std::uint64_t frames) { return static_cast<std::int64_t>(frames); };
  write_metrics(flags_.json,
                {{"input", flags_.input},
                 {"output", flags_.output},
                 {"captured", count(counters.captured + lost)},
                 {"processed", count(counters.processed)},
                 {"skipped", count(counters.skipped)},
                 {"dropped", count(counters.dropped())},
                 {"failed", count(counters.failed + lost)},
                 {"damaged", count(source_->damaged())},
                 {"seconds", progress_->elapsed()},
                 {"fps", static_cast<double>(progress_->done()) / progress_->elapsed()},
                 {"age_p50_ms", progress_->percentile(0.5) * 1e3},
                 {"age_p99_ms", progress_->percentile(0.99) * 1e3}});
}

}  // namespace streamdiffusion::app
