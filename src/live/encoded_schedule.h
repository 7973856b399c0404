// Encodes the prompts of a schedule a little ahead of the frames, beside the stream. A schedule may
// have far more prompts than memory should hold.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "live/encode_prompts.h"
#include "live/prompt_schedule.h"

namespace streamdiffusion::live {

class EncodedSchedule {
 public:
  /// The prompts of the entry that holds, and of those after it up to so many texts, are encoded.
  static constexpr std::size_t kTextsAhead = 32;

  /// The schedule of a session, from its prompts on. Returns once the first entries are encoded;
  /// throws as Engine::encode_prompt does. The session outlives this.
  EncodedSchedule(const LiveSession& session, std::vector<params::ScheduledPrompts> entries);
  ~EncodedSchedule();
  EncodedSchedule(const EncodedSchedule&) = delete;
  EncodedSchedule& operator=(const EncodedSchedule&) = delete;

  /// As PromptSchedule::at(), and they stay encoded while the result lives. Never waits for a text
  /// encoder.
  PromptSchedule::Prompts at(double seconds);
  /// How many entries at() has not come to.
  std::size_t left() const { return entries_.size() - schedule_.next(); }
  /// Waits until all that shall be encoded is. Returns how many texts that are.
  std::size_t wait();

 private:
  /// Lets go of the entries before this one. Returns what is encoded of it.
  EncodedPrompts pass(std::size_t entry);
  void run();
  /// With mutex_ locked. Whether the entry after those that are encoded shall be encoded now.
  bool wants_next() const;
  EncodedPrompts encode(const params::ScheduledPrompts& entry) const;

  const LiveSession& session_;
  const std::vector<params::ScheduledPrompts> entries_;
  PromptSchedule schedule_;
  /// What at() returned last.
  PromptSchedule::Prompts newest_;
  std::mutex mutex_;
  std::condition_variable changed_;
  /// Of the entries from first_ on.
  std::deque<EncodedPrompts> encoded_;
  std::size_t first_ = 0, texts_ = 0;
  bool busy_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace streamdiffusion::live
