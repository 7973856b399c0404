// A session with the frames that are under way in it.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "live/frame.h"
#include "streamdiffusion/session.h"

namespace streamdiffusion::live {

/// What a call of the engine brought.
struct Step {
  /// In order; lost ones are those that `error` gave up.
  std::vector<Frame> finished, lost;
  std::optional<Error> error;
  void append(Step more);
};

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
  bool waiting() const { return !under_way_.empty(); }
  std::size_t under_way() const { return under_way_.size(); }
  SessionTimes times() const { return session_.times(); }

 private:
  struct UnderWay {
    /// In this session.
    std::uint64_t id;
    Frame frame;
  };

  Step call(const std::function<std::vector<Output>()>& run);
  void sort(std::vector<Output> outputs, Step& step);

  Session session_;
  LiveSettings settings_;
  std::uint64_t next_id_ = 0;
  std::deque<UnderWay> under_way_;
};

}  // namespace streamdiffusion::live
