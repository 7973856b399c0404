// A session whose frames carry their outputs as tags.
#pragma once

#include <vector>

#include "live/frame.h"
#include "streamdiffusion/session.h"

namespace streamdiffusion::live {

/// A frame that did not become an image.
struct FailedFrame {
  std::uint64_t frame_id;
  Error error;
};

/// What a call of the engine brought.
struct Step {
  /// In the order of their frames.
  std::vector<LiveOutput> finished;
  std::vector<FailedFrame> failed;
  void append(Step more);
};

/// Whether a stream made for the first options can go on under the second.
bool same_plan(const SessionOptions& a, const SessionOptions& b);

class Stream {
 public:
  /// `settings` has every default filled in. Throws as Engine::session does.
  Stream(Engine& engine, const LiveSettings& settings);

  /// All but the prompts; from the next call on.
  void apply(const LiveSettings& settings);
  void set_prompts(const std::vector<WeightedPrompt>& prompts);

  /// A frame in; those that are finished out.
  Step enter(Frame frame);
  /// One call without a new frame.
  Step advance();
  std::size_t in_flight() const { return session_.in_flight(); }
  SessionTimes times() const { return session_.times(); }

 private:
  std::vector<Output> process(Frame frame);

  Session session_;
  LiveSettings settings_;
};

}  // namespace streamdiffusion::live
