// A session that takes and returns the frames of a live session. Each frame's LiveOutput travels
// through the session as the frame's tag.
#pragma once

#include <stdexcept>
#include <stop_token>
#include <vector>

#include "live/frame.h"
#include "streamdiffusion/session.h"

namespace streamdiffusion::live {

/// A frame that failed, and why.
struct FailedFrame {
  std::uint64_t frame_id;
  Error error;
};

/// What one call of the engine returned.
struct EngineCallResult {
  /// In the order of their frames.
  std::vector<LiveOutput> finished;
  std::vector<FailedFrame> failed;
  void append(EngineCallResult more);
};

/// A change failed, and so did the way back: the session has some of the new settings.
class HalfChanged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ActiveSession {
 public:
  /// `settings` has every default filled in. Once `stop` is requested, frames fail instead of
  /// waiting for the device. Throws as Engine::session does.
  ActiveSession(Engine& engine, const LiveSettings& settings, std::stop_token stop);

  /// Takes effect with the next call. Leaves the prompts and the seeds as they are. Where it
  /// throws, nothing has changed, but for HalfChanged.
  void apply(const LiveSettings& settings);
  /// As applied last.
  const SessionOptions& options() const { return settings_.options; }
  void set_prompts(const std::vector<WeightedPrompt>& prompts);
  void set_seeds(const std::vector<WeightedSeed>& seeds);

  /// Enters a frame, which a card may leave for wait(). Returns the frames that finished or failed.
  EngineCallResult enter(Frame frame);
  EngineCallResult wait();
  /// One call without a new frame.
  EngineCallResult advance();
  /// Whether there is something to wait() for.
  bool on_device() const { return session_.on_device(); }
  std::size_t in_flight() const { return session_.in_flight(); }
  SessionTimes times() const { return session_.times(); }

 private:
  std::vector<Output> process(Frame frame);
  /// Sets what differs.
  void set(const LiveSettings& before, const LiveSettings& after);

  Session session_;
  LiveSettings settings_;
};

}  // namespace streamdiffusion::live
