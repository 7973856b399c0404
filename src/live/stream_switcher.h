// Switches the stream from one session to another without a gap. New frames enter the new session.
// Beside each of them the old session runs one call without a new frame, until it is drained.
#pragma once

#include <deque>
#include <memory>

#include "live/active_session.h"
#include "live/blend_transition.h"

namespace streamdiffusion::live {

class StreamSwitcher {
 public:
  StreamSwitcher(std::unique_ptr<ActiveSession> session, const LiveSettings& settings);

  /// Frames enter this session from now on. It was made for these settings, or for settings from
  /// which params::same_session() holds. Where it throws, nothing has changed.
  void switch_to(std::unique_ptr<ActiveSession> session, const LiveSettings& settings);
  /// Changes the session that frames enter. Throws as ActiveSession::apply() does.
  void apply(const LiveSettings& settings);

  /// Enters a frame. Returns the frames that finished, in the order of their numbers. On a card
  /// that may be the frame before: then there is something to wait() for, before anything but
  /// another frame.
  EngineCallResult enter(Frame frame);
  EngineCallResult wait();
  bool on_device() const { return sessions_.back()->on_device(); }
  /// One call without a new frame.
  EngineCallResult advance();
  /// Every prompt that frames are blended of until the next change of them, with no weights of any
  /// meaning; and how often those prompts have changed.
  std::vector<WeightedPrompt> blended_prompts() const;
  std::uint64_t prompt_changes() const { return prompt_changes_; }
  bool text_to_image() const { return targets_.settings.options.text_to_image; }
  std::size_t in_flight() const;
  /// Summed over all sessions so far.
  SessionTimes times() const;

 private:
  /// Where prompts and seeds are going to.
  struct Targets {
    BlendTransition<WeightedPrompt> prompts;
    BlendTransition<WeightedSeed> seeds;
    bool prompts_change = false, seeds_change = false;
    LiveSettings settings;
  };

  /// With the transitions to its prompts and seeds started, where they differ.
  Targets targets_of(const LiveSettings& settings) const;
  void set_prompts_of(const Frame& frame);
  /// Sets prompts and seeds between the old and the new, as far as the transitions have come.
  void advance_transitions();
  /// Adds to `older` what the session gave that frames enter, behind all of the sessions before it.
  EngineCallResult in_order(EngineCallResult older, EngineCallResult newer);
  /// Closes sessions that have a successor and no frame in flight.
  void drop_drained();

  /// Oldest first. Frames enter the last.
  std::deque<std::unique_ptr<ActiveSession>> sessions_;
  Targets targets_;
  std::uint64_t prompt_changes_ = 1;
  /// The last that a frame brought.
  std::shared_ptr<const std::vector<WeightedPrompt>> frame_prompts_;
  SessionTimes dropped_times_;
};

}  // namespace streamdiffusion::live
