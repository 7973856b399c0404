// The three stages, the reconfigure loop and the reading of images, each on a thread of its own,
// and the state that they share.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "live/frame_counters.h"
#include "live/image_reading.h"
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
  std::uint64_t change(const Engine& engine, const LiveSettings& settings);
  LiveChanges changes() const;
  Engine engine() const;

  LiveSettings settings() const;
  bool reconfiguring() const;
  bool reading_images() const;
  bool text_to_image() const;
  LiveState state() const;
  std::optional<Error> failure() const;
  std::shared_ptr<const Image> control_image(std::size_t net) const;
  const live::FrameCounters& counters() const { return counters_; }

 private:
  using Frame = live::Frame;
  /// What a session was prepared for.
  struct Configuration {
    Engine engine;
    /// With the input frame that IP-Adapters follow, and as change() asked for them.
    LiveSettings settings, asked;
    /// `settings` are those of a change whose images are still read, on top of `asked`.
    bool mixed = false;
    /// What keeps the image encoders that follow the input.
    std::shared_ptr<const void> encoders = nullptr;
    /// Of the settings' prompts, and of all that a transition to them is blended of.
    live::EncodedPrompts prompts = {};
    /// The number of the change that asked for it.
    std::uint64_t change = 0;
  };
  /// A change that is prepared and waits for the engine thread.
  struct Change {
    Configuration to;
    /// Of the change that this is, or is a part of.
    std::uint64_t number = 0;
    /// Set if the settings need another session.
    std::unique_ptr<live::ActiveSession> session = nullptr;
    /// What was prepared for the settings' LoRA scales, ControlNets and image prompts, until the
    /// session has it.
    std::vector<std::shared_ptr<const void>> prepared = {};
  };
  enum class Stage { prepare, engine, deliver, reconfigure, read_images };
  static constexpr std::array<const char*, 5> kStageNames{"prepare", "engine", "deliver",
                                                          "reconfigure", "image"};
  static constexpr std::size_t kStages = kStageNames.size();

  void prepare_loop();
  /// Decodes and resizes the image. Returns false if the frame failed.
  bool prepare(Frame& frame);
  /// Those that hold from the frame on, under the LoRA scales last asked for, which are nearly
  /// always in force when the frame enters.
  void prepare_prompts(Frame& frame);
  void prepare_control_images(Frame& frame, const std::vector<ControlSettings>& nets);
  void engine_loop();
  /// The next frame for the engine, if there is one now or this may wait for it.
  std::optional<Frame> next_frame();
  /// Enters the frame, or finishes those that have entered.
  void call_engine(std::optional<Frame> frame);
  /// Finishes what is on a card: what follows may take long, or changes what the frames follow.
  void clear_device();
  /// For a frame without an image: waits for the text-to-image mode, if it is being prepared.
  void wait_for_reconfiguration();
  /// Runs on the engine thread, between two frames. A change that fails is taken back.
  void apply_pending_change();
  std::optional<Error> apply(Change& change);
  /// Tells the reconfigure thread which prompts the frames are blended of, where they have changed.
  void tell_prompts();
  void pass_on(live::EngineCallResult result);
  void deliver_loop();
  void deliver(const LiveOutput& output);
  void reconfigure_loop();
  /// Compiles what a change of LoRA scales and ControlNets needs in a session with options `now`.
  std::vector<std::shared_ptr<const void>> prepare_programs(Engine& engine,
                                                            const SessionOptions& options,
                                                            const SessionOptions& now);
  /// Those of the session that the next frame enters, before any change that waits is applied.
  SessionOptions options_before_changes() const;
  /// Waits until there is something to prepare; false at the end of the session.
  bool wait_for_work(std::unique_lock<std::mutex>& lock);
  /// With mutex_ locked.
  bool has_work() const;
  bool over() const;
  /// Once the last frame is delivered: stops what is still read and prepared.
  void end_preparing();
  /// Prepares what is wanted, or of that what can be while its images are read.
  void prepare_wanted(std::unique_lock<std::mutex>& lock);
  /// Encodes prompts and opens a session, as the settings need, and sets pending_change_. `number`
  /// is that of the change that asked for them.
  std::optional<Error> prepare_change(const Engine& engine, const LiveSettings& settings,
                                      std::uint64_t number);
  /// What those settings need beside the session that configured_ is.
  std::unique_ptr<Change> make_change(const Engine& engine, const LiveSettings& settings,
                                      std::uint64_t number);
  /// Encodes the prompts that the frames are blended of under the LoRA scales of a change: the
  /// engine thread must not. Returns with the lock on mutex_, under which they are the same still.
  std::unique_lock<std::mutex> encode_blend(Change& change);
  /// Hands a change to the engine thread. Returns false if the engine could not apply the one that
  /// this one was prepared to follow.
  bool offer(std::unique_ptr<Change>& change);
  /// Whether an IP-Adapter's image is the newest input frame, which then waits to be encoded.
  bool has_new_input() const;
  /// A frame that was prepared, if the settings follow the input.
  void remember_input(const LiveSettings& settings, const Image& frame);
  /// The frame that settings follow which were asked for: that of before; the newest where they
  /// begin to. Only the reconfigure thread.
  std::shared_ptr<const Image> input_of(const LiveSettings& asked);
  /// Reads the newest input frame in place of the one before. With mutex_ locked.
  void follow_input();
  void read_images_loop();
  /// In place of those that are being read. `input` as in ImageReading. With mutex_ locked.
  void start_reading(const Engine& engine, const SessionOptions& options,
                     std::shared_ptr<const Image> input);
  /// Whether the images of these settings are those of before or were read. They are being read
  /// from now on if not. Only the reconfigure thread.
  bool has_images(const Engine& engine, const SessionOptions& options);
  bool was_read(const Engine& engine, const SessionOptions& options) const;
  /// While a change's images are read: leaves it those of before.
  void hold_images(Change& change);
  /// What was read for a change, for as long as it needs that.
  void keep_read_images(Change& change);
  /// Ends the reading that these settings, which have their images, do not wait for. With mutex_
  /// locked.
  void drop_reading(const Engine& engine);
  /// Takes what the image thread has read. Returns false if it could not be: that is told, and the
  /// change that asked for it taken back.
  bool finish_reading(std::unique_lock<std::mutex>& lock);
  /// If the change of this version could not be prepared: back to the settings that were prepared
  /// before, unless others were asked for meanwhile. The problem is told then.
  void take_back(const Error& problem, std::unique_lock<std::mutex>& lock, std::uint64_t version,
                 std::uint64_t number);
  /// What is wrong with a change, without the lock.
  void tell(const Error& problem, std::unique_lock<std::mutex>& lock);
  /// Back to the settings that the frames follow, because the engine could not apply the change of
  /// this number. What was asked for after it is prepared anew.
  void take_back_applied(std::uint64_t number);
  /// If the engine could not apply a change: the next one is prepared to follow what is in force.
  /// With mutex_ locked.
  void start_from_in_force();

  /// Puts an item into a queue. Counts what the queue gives back as dropped.
  template <typename T>
  void put(live::Mailbox<T>& box, T item, live::FrameCounters::Counter dropped) {
    if (box.put(std::move(item)))
      counters_.add(box.closed() ? &LiveCounters::dropped_stopped : dropped);
  }
  void report(const Error& error, std::optional<std::uint64_t> frame_id);
  /// Ends the session in the state `failed`.
  void fail(const Error& error, std::uint64_t frame_id);
  /// Lets no stage take anything more.
  void close_queues();
  /// Closes and empties the queues. What was in them counts as dropped.
  void discard_queues();
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
  /// Notified when wanted_version_, configured_version_, handled_version_, newest_input_, reading_,
  /// stopping_ or ended_ changes.
  std::condition_variable changed_;
  /// As change() asked for, and which call of it did.
  Engine engine_;
  LiveSettings wanted_;
  LiveChanges changes_;
  /// Count the calls of change(), and those that are prepared. Unequal while one is being prepared.
  std::uint64_t wanted_version_ = 0, configured_version_ = 0;
  /// The last one that is prepared as far as it can be while its images are read.
  std::uint64_t handled_version_ = 0;
  /// What is wanted is to be prepared once more.
  bool again_ = false;
  std::unique_ptr<Change> pending_change_;
  /// What the frames follow, as the engine thread has applied it.
  Configuration in_force_;
  /// The prompts that the frames are blended of: those before the change too, while it is blended
  /// in. As StreamSwitcher::blended_prompts() gave them.
  std::vector<WeightedPrompt> blended_prompts_;
  /// A change was not applied, and configured_ still holds it.
  bool not_applied_ = false;
  LiveState state_ = LiveState::running;
  bool draining_ = false, stopping_ = false;
  /// The deliver thread has nothing left: no frame uses what would still be prepared.
  bool delivered_ = false;
  /// All threads were started. A stage threw.
  bool started_ = false, broken_ = false;
  /// Set with stopping_.
  LiveClock::time_point stop_deadline_{};
  std::optional<Error> failure_;
  std::uint64_t next_id_ = 0;
  /// Of the frame prepared last.
  live::ControlImages newest_control_images_;
  /// The newest frame that IP-Adapters may follow, the one that was read last or is, and the one
  /// that they follow now.
  std::shared_ptr<const Image> newest_input_, tried_input_, followed_input_;
  /// What the image thread reads.
  std::shared_ptr<live::ImageReading> reading_;
  /// A thread that was not started has ended.
  std::array<bool, kStages> ended_{true, true, true, true, true};

  /// Ends the wait for a turn on the device.
  std::stop_source stop_source_;
  /// Whether callbacks_.interrupt was called.
  std::atomic<bool> interrupted_ = false;
  /// Only the engine thread uses it.
  std::optional<live::StreamSwitcher> switcher_;
  /// Of switcher_, when they were told.
  std::uint64_t told_prompt_changes_ = 0;
  /// Of engine calls for what is on a card since it gave something last. Only the engine thread
  /// uses it.
  double call_seconds_ = 0;
  /// What was prepared last. Only the reconfigure thread uses it.
  Configuration configured_;
  /// What was read and not prepared yet. Only the reconfigure thread uses it.
  std::shared_ptr<live::ImageReading> read_;
  /// When the next input frame may be encoded. Only the reconfigure thread uses it.
  LiveClock::time_point next_follow_{};
  /// Locked before mutex_.
  std::mutex submit_mutex_, join_mutex_;
  std::array<std::thread, kStages> threads_;
};

}  // namespace streamdiffusion
