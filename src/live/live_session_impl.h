// The three stages and the planner, each on a thread of its own, and the state they share.
#pragma once

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "live/ledger.h"
#include "live/mailbox.h"
#include "live/relay.h"
#include "session/engine_impl.h"

namespace streamdiffusion {

class LiveSession::Impl : public std::enable_shared_from_this<LiveSession::Impl> {
 public:
  /// `settings` has every default filled in and is valid.
  Impl(Engine engine, const std::shared_ptr<Engine::Impl>& seats, const LiveSettings& settings,
       QueuePolicy policy, LiveCallbacks callbacks);

  void start();
  std::optional<std::uint64_t> submit(LiveFrame frame);
  void set_paused(bool paused);
  void drain();
  void stop();
  void change(const Engine& engine, const LiveSettings& settings);
  Engine engine() const;

  LiveSettings settings() const;
  bool planning() const;
  LiveState state() const;
  std::optional<Error> failure() const;
  const live::Ledger& ledger() const { return ledger_; }

 private:
  using Frame = live::Frame;
  /// A change on its way to the next frame edge.
  struct Change {
    LiveSettings settings;
    /// Where one is needed.
    std::unique_ptr<live::Stream> stream;
  };
  enum class Stage { prepare, engine, deliver, planner };
  static constexpr std::array<const char*, 4> kStageNames{"prepare", "engine", "deliver",
                                                          "planner"};
  static constexpr std::size_t kStages = kStageNames.size();

  void prepare_loop();
  bool prepare(Frame& frame);
  void engine_loop();
  void wait_for_plan();
  /// What is due at a frame edge.
  void edge();
  void pass_on(live::Step step);
  void deliver_loop();
  void deliver(const LiveOutput& output);
  void planner_loop();
  /// Makes what the settings need and leaves it for the next frame edge.
  std::optional<Error> plan(Engine engine, const LiveSettings& settings);

  /// The queue takes the item; what it gives back was dropped.
  template <typename T>
  void put(live::Mailbox<T>& box, T item, live::Ledger::Heading dropped) {
    if (box.put(std::move(item)))
      ledger_.add(box.closed() ? &LiveCounters::dropped_stopped : dropped);
  }
  void report(const Error& error, std::optional<std::uint64_t> frame_id);
  void fail(const Error& error, std::uint64_t frame_id);
  /// Closes and empties all queues.
  void halt();
  bool halted() const;
  void run_stage(Stage stage, void (Impl::*loop)());
  /// Joins all threads, or leaves those behind that do not end in time.
  void join();

  std::shared_ptr<Engine::Impl> seat_owner_;
  std::optional<session::Seat> seat_;
  const QueuePolicy policy_;
  const LiveCallbacks callbacks_;
  live::Ledger ledger_;
  live::Mailbox<Frame> arrived_, prepared_;
  live::Mailbox<LiveOutput> finished_;

  /// Guards all below down to the threads.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  /// Of the settings wanted.
  Engine engine_;
  LiveSettings wanted_;
  std::uint64_t wanted_version_ = 0, planned_version_ = 0;
  std::unique_ptr<Change> change_;
  LiveState state_ = LiveState::running;
  bool draining_ = false, halted_ = false;
  std::optional<Error> failure_;
  std::uint64_t next_id_ = 0;
  std::array<bool, kStages> ended_{};

  /// The engine thread's own.
  std::optional<live::Relay> relay_;
  /// The planner's own: what the newest stream was made for.
  struct Planned {
    Engine engine;
    LiveSettings settings;
  } planned_;
  /// Taken before mutex_.
  std::mutex submit_mutex_, join_mutex_;
  std::array<std::thread, kStages> threads_;
};

}  // namespace streamdiffusion
