// The three stages and the reconfigure loop, each on a thread of its own, and the state that they
// share.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "live/frame_counters.h"
#include "live/mailbox.h"
#include "live/stream_switcher.h"
#include "session/engine_impl.h"

namespace streamdiffusion {

class LiveSession::Impl : public std::enable_shared_from_this<LiveSession::Impl> {
 public:
  /// `settings` has every default filled in and is valid.
  /// Throws busy if `engine_impl`, the engine's own, has no live session left, and soon after
  /// `stop` is requested.
  Impl(Engine engine, const std::shared_ptr<Engine::Impl>& engine_impl,
       const LiveSettings& settings, QueuePolicy policy, LiveCallbacks callbacks,
       std::stop_token stop);

  void start();
  std::optional<std::uint64_t> submit(LiveFrame frame);
  void set_paused(bool paused);
  void close();
  void drain();
  void halt();
  void stop();
  void change(const Engine& engine, const LiveSettings& settings);
  Engine engine() const;

  LiveSettings settings() const;
  bool reconfiguring() const;
  LiveState state() const;
  std::optional<Error> failure() const;
  const live::FrameCounters& counters() const { return counters_; }

 private:
  using Frame = live::Frame;
  /// A change that is prepared and waits for the engine thread.
  struct Change {
    LiveSettings settings;
    /// Set if the settings need another session.
    std::unique_ptr<live::ActiveSession> session;
    /// Programs for the settings' LoRA scales and ControlNets, until the session has them.
    std::vector<std::shared_ptr<const void>> prepared;
  };
  enum class Stage { prepare, engine, deliver, reconfigure };
  static constexpr std::array<const char*, 4> kStageNames{"prepare", "engine", "deliver",
                                                          "reconfigure"};
  static constexpr std::size_t kStages = kStageNames.size();

  void prepare_loop();
  /// Decodes and resizes the image. Returns false if the frame failed.
  bool prepare(Frame& frame);
  void engine_loop();
  /// For a frame without an image: waits for the text-to-image mode, if it is being prepared.
  void wait_for_reconfiguration();
  /// Runs on the engine thread, between two frames.
  void apply_pending_change();
  void pass_on(live::EngineCallResult result);
  void deliver_loop();
  void deliver(const LiveOutput& output);
  void reconfigure_loop();
  /// Compiles what a change of LoRA scales and of ControlNets needs in the running session.
  std::vector<std::shared_ptr<const void>> prepare_programs(Engine& engine,
                                                            const SessionOptions& options);
  /// Encodes prompts and opens a session, as the settings need, and sets pending_change_.
  std::optional<Error> prepare_change(Engine engine, const LiveSettings& settings);

  /// Puts an item into a queue. Counts what the queue gives back as dropped.
  template <typename T>
  void put(live::Mailbox<T>& box, T item, live::FrameCounters::Counter dropped) {
    if (box.put(std::move(item)))
      counters_.add(box.closed() ? &LiveCounters::dropped_stopped : dropped);
  }
  void report(const Error& error, std::optional<std::uint64_t> frame_id);
  /// Ends the session in the state `failed`.
  void fail(const Error& error, std::uint64_t frame_id);
  /// Closes and empties all queues.
  void close_queues();
  bool stopping() const;
  void run_stage(Stage stage, void (Impl::*loop)());
  /// What a stage threw that no frame was to blame for, such as bad_alloc: ends the session in the
  /// state `failed`.
  void break_down(std::size_t stage, const char* reason);
  /// The last stage to end settles the session and frees its slot.
  void end_stage(std::size_t stage);
  /// Counts the frames that a broken stage held, and frees what the session holds.
  void settle();
  bool all_ended() const;
  /// Joins all threads. Those that do not end in time are detached; end_stage() still runs on them.
  void join();

  /// Keeps the SessionLimit of slot_ alive.
  std::shared_ptr<Engine::Impl> engine_impl_;
  std::optional<session::SessionSlot> slot_;
  const QueuePolicy policy_;
  const LiveCallbacks callbacks_;
  live::FrameCounters counters_;
  live::Mailbox<Frame> arrived_, prepared_;
  live::Mailbox<LiveOutput> finished_;

  /// Guards the members from here to ended_.
  mutable std::mutex mutex_;
  /// Notified when wanted_version_, configured_version_, stopping_ or ended_ changes.
  std::condition_variable changed_;
  /// As change() asked for.
  Engine engine_;
  LiveSettings wanted_;
  /// Count the calls of change(), and those that are prepared. Unequal while one is being prepared.
  std::uint64_t wanted_version_ = 0, configured_version_ = 0;
  std::unique_ptr<Change> pending_change_;
  LiveState state_ = LiveState::running;
  bool draining_ = false, stopping_ = false;
  /// All threads were started. A stage threw.
  bool started_ = false, broken_ = false;
  /// Set with stopping_.
  LiveClock::time_point stop_deadline_{};
  std::optional<Error> failure_;
  std::uint64_t next_id_ = 0;
  /// A thread that was not started has ended.
  std::array<bool, kStages> ended_{true, true, true, true};

  /// Ends the wait for a turn on the device.
  std::stop_source stop_source_;
  /// Whether callbacks_.interrupt was called.
  std::atomic<bool> interrupted_ = false;
  /// Only the engine thread uses it.
  std::optional<live::StreamSwitcher> switcher_;
  /// What the newest session was prepared for. Only the reconfigure thread uses it.
  struct Configured {
    Engine engine;
    LiveSettings settings;
  } configured_;
  /// Locked before mutex_.
  std::mutex submit_mutex_, join_mutex_;
  std::array<std::thread, kStages> threads_;
};

}  // namespace streamdiffusion
