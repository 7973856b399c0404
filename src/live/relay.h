// Which stream the frames run in, and how a new one takes over from an old one without a gap: new
// frames enter the new stream while the old one is brought home step by step beside it.
#pragma once

#include <deque>
#include <memory>

#include "live/prompt_motion.h"
#include "live/stream.h"

namespace streamdiffusion::live {

class Relay {
 public:
  Relay(std::unique_ptr<Stream> stream, const LiveSettings& settings);

  /// The stream that frames enter from now on, made for these settings or for some that differ in
  /// what can be applied.
  void hand_over(std::unique_ptr<Stream> stream, const LiveSettings& settings);
  /// All but what needs a new stream.
  void apply(const LiveSettings& settings);

  /// A frame in; those finished out, in the order of their ids.
  Step enter(Frame frame);
  /// One call without a new frame.
  Step advance();
  bool draws_from_text() const { return settings_.options.text_to_image; }
  std::size_t in_flight() const;
  /// Of all streams so far.
  SessionTimes times() const;

 private:
  void aim_prompts(const LiveSettings& settings);
  void move_prompts();
  /// Lets go of streams that a younger one has followed and that are empty.
  void retire();

  /// Oldest first; frames enter the last.
  std::deque<std::unique_ptr<Stream>> streams_;
  PromptMotion motion_;
  bool moving_ = false;
  LiveSettings settings_;
  SessionTimes retired_;
};

}  // namespace streamdiffusion::live
