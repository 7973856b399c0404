// The streams of a card without one: work waits until something waits for it. Each stream does its
// work in order; in which order the streams take turns, a test chooses, so that an event that is
// missing between two of them gives other results.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>

#include "backend/cuda/runtime.h"

namespace streamdiffusion::backend::cuda::test {

/// When the work of the streams is done.
enum class WorkOrder {
  /// As late as it can be: only what the event needs that is waited for.
  late,
  /// As soon as it is queued, unless it waits for an event.
  early,
  /// Copies beside the work as soon as they are queued, all else late.
  early_copies,
  /// What is computed as soon as it is queued, copies beside it late.
  late_copies,
  /// Some of it when something is queued.
  random,
};

class HostQueues {
 public:
  using Work = std::function<void()>;
  /// Of an event: how often it was recorded, and how many of these have been passed.
  struct Passed {
    int recorded = 0, passed = 0;
  };

  explicit HostQueues(const WorkOrder& order) : order_(order) {}

  void push(Queue queue, Work work);
  /// `note` is done where the event is passed.
  void record(Queue queue, std::shared_ptr<Passed> event, Work note);
  void wait_for(Queue queue, std::shared_ptr<Passed> event);
  /// Does what is needed to pass the event as it was recorded last.
  void pass(const std::shared_ptr<Passed>& event);
  void finish();
  void drop();
  /// Things that are queued.
  std::size_t size() const;

 private:
  struct Item {
    Work work;
    /// Where it is a wait, or the event itself; which of its records is meant.
    std::shared_ptr<Passed> waits_for = nullptr, passes = nullptr;
    int record = 0;
  };
  using Items = std::deque<Item>;
  void add(Queue queue, Item item);
  void run_some(Queue added);
  /// Does the first item, unless it waits for an event that is not passed. Returns whether it did.
  static bool step(Items& items);
  /// Passes that record of the event.
  void pass(const Passed& event, int record);

  const WorkOrder& order_;
  mutable std::mutex mutex_;
  std::array<Items, kQueues> queues_;
  std::mt19937 random_{7};
};

}  // namespace streamdiffusion::backend::cuda::test
