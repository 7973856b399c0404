// A session that runs by itself: frames are handed over as they come, images come back through a
// callback, and the time between the two is bounded. Three stages on threads of their own (prepare,
// engine, deliver) with a queue before each: the paper's input-output queue.
#pragma once

#include <any>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamdiffusion/engine.h"
#include "streamdiffusion/error.h"
#include "streamdiffusion/image.h"
#include "streamdiffusion/options.h"
#include "streamdiffusion/session.h"

namespace streamdiffusion {

using LiveClock = std::chrono::steady_clock;

/// What happens to frames that come faster than they are drawn; holds for each of the queues.
struct QueuePolicy {
  enum class Kind {
    /// The newest frame wins, the one that waits is dropped. For live images.
    latest,
    /// The oldest of `depth` waiting frames is dropped.
    drop_oldest,
    /// The giver waits; nothing is lost. For files.
    block,
  };
  Kind kind = Kind::latest;
  /// Frames that wait in each queue, 1..1024; always 1 for `latest`.
  int depth = 1;
};

/// Everything that may change while a stream runs.
struct LiveSettings {
  SessionOptions options;
  /// None: the model's sample prompt.
  std::vector<WeightedPrompt> prompts;
  PromptInterpolation interpolation = PromptInterpolation::slerp;
  /// Unset: the model's own.
  std::optional<std::string> negative_prompt;
  /// Over which a change of prompts is blended in, 0..60.
  double transition_seconds = 0;
  Fit fit = Fit::cover;
};

/// A frame on its way in.
struct LiveFrame {
  /// Gives the image, of any size; runs on the prepare thread, so that decoding is off the
  /// caller's. What it throws fails this frame only. Empty for a session that draws from text; such
  /// a frame waits for the change that makes the session one.
  std::function<Image()> image;
  LiveClock::time_point captured = LiveClock::now();
  /// The caller's own; comes back with the output.
  std::any tag;
};

/// A finished image, with where its time went.
struct LiveOutput {
  std::shared_ptr<const Image> image;
  /// Of the submitted frame, from 0; outputs come in their order.
  std::uint64_t frame_id = 0;
  /// The similarity filter took the previous image again.
  bool reused = false;
  std::any tag;
  /// Frame handed over as captured; image decoded and fitted; its first UNet call began; its last
  /// ended.
  LiveClock::time_point captured, prepared, entered, finished;
  /// Seconds from capture until now.
  double age() const;
};

/// Of a live session since its start. captured = processed + skipped + dropped() + failed +
/// under_way(), at any moment.
struct LiveCounters {
  /// Frames submitted.
  std::uint64_t captured = 0;
  /// Delivered, drawn by the model.
  std::uint64_t processed = 0;
  /// Delivered, taken again by the similarity filter.
  std::uint64_t skipped = 0;
  /// By the policy, before they were prepared.
  std::uint64_t dropped_waiting = 0;
  /// By the policy, before the engine.
  std::uint64_t dropped_prepared = 0;
  /// By the policy: drawn, but the receiver was too slow.
  std::uint64_t dropped_undelivered = 0;
  /// Came during a pause.
  std::uint64_t dropped_paused = 0;
  /// Under way when the session was stopped or failed.
  std::uint64_t dropped_stopped = 0;
  /// Undecodable, not finite, or refused by the receiver.
  std::uint64_t failed = 0;
  std::uint64_t dropped() const;
  std::uint64_t under_way() const;
};

enum class LiveState {
  running,
  paused,
  /// Stopped or drained to the end.
  stopped,
  /// The receiver threw; see LiveSession::failure().
  failed,
};

struct LiveCallbacks {
  /// Every image, in order, on the deliver thread. May block (the policy says what becomes of the
  /// frames behind). An exception ends the session: state `failed`.
  std::function<void(const LiveOutput&)> output;
  /// A frame that failed (its id), or a change of settings that could not be planned (no id; the
  /// stream goes on as it was). On any of the session's threads.
  std::function<void(const Error&, std::optional<std::uint64_t> frame_id)> error;
  /// stop() calls this so that an `output` that waits for something returns soon.
  std::function<void()> interrupt;
};

/// All functions may be called from any thread, except that stop(), drain() and the destructor may
/// not be called from a callback.
class LiveSession {
 public:
  /// Starts running. Throws as Engine::session does.
  LiveSession(Engine engine, const LiveSettings& settings, QueuePolicy policy,
              LiveCallbacks callbacks);
  /// stop()
  ~LiveSession();
  LiveSession(const LiveSession&) = delete;
  LiveSession& operator=(const LiveSession&) = delete;

  /// Hands a frame over; it counts as captured even when it is dropped at once. Waits only under
  /// the policy `block`. Returns the frame's id, or nothing once the session is draining, stopped
  /// or failed: the frame was not taken.
  std::optional<std::uint64_t> submit(LiveFrame frame);

  /// Frames that come during a pause are dropped; those under way are finished.
  void pause();
  void resume();
  /// Takes no more frames, finishes and delivers all under way, then stops. Returns when done.
  void drain();
  /// Ends now: frames under way are dropped. An `output` callback that does not return within five
  /// seconds is left behind on its thread, with a warning.
  void stop();

  /// The wanted settings as a whole; takes effect at a frame edge. Prompts, guidance, delta, seed,
  /// t_index values and the filter at the next one; what needs another plan (number of steps,
  /// guidance type, size, text or image, batch) once that is made in the background, and the new
  /// stream takes over from the old one without a gap. A later change replaces one that is still
  /// being planned. Throws invalid_argument, with nothing changed, for settings that no session
  /// could have.
  void change(const LiveSettings& settings);
  /// The same, with another model.
  void change(Engine engine, const LiveSettings& settings);
  /// As last asked for, all defaults filled in.
  LiveSettings settings() const;
  /// True while a change is being planned.
  bool planning() const;

  LiveState state() const;
  /// What ended a session in state `failed`.
  std::optional<Error> failure() const;
  LiveCounters counters() const;
  /// Seconds one call of the engine takes, lately; 0 before the first.
  double frame_seconds() const;
  /// Of the engine, summed over all plans of this session.
  SessionTimes times() const;

  /// The library's own.
  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace streamdiffusion
