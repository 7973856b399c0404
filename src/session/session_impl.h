// One stream: its options, its frames, and its own values in the shared executables.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <stop_token>

#include "session/conditioning.h"
#include "session/controls.h"
#include "session/engine_impl.h"
#include "session/frames_in_flight.h"
#include "session/image_prompts.h"
#include "session/row_pool.h"
#include "stream/frame_slots.h"
#include "stream/sequential.h"
#include "stream/similarity_filter.h"
#include "stream/stream_batch.h"

namespace streamdiffusion {

/// How a session shares the device: as Engine::group() and Engine::equal_rates() say.
struct SessionTurns {
  std::uint64_t group = 0;
  bool equal_rates = false;
};

class Session::Impl {
 public:
  /// `options` has every default filled in. Once `stop` is requested, the wait for a turn ends, and
  /// a run between two ops.
  Impl(std::shared_ptr<Engine::Impl> engine, const SessionOptions& options,
       std::stop_token stop = {}, const SessionTurns& turns = {});

  void set_prompts(const std::vector<WeightedPrompt>& prompts, Interpolation how);
  void set_negative_prompt(const std::string& prompt);
  void set_parameters(const std::function<void(stream::StreamParameters&)>& change);
  void set_guidance_scale(float scale);
  void set_seeds(const std::vector<WeightedSeed>& seeds, Interpolation how);
  /// Of a blend, the first.
  std::int64_t seed() const;
  void set_latent_feedback(float strength);
  void set_cache_interval(int interval);
  void set_feature_injection(float strength, float threshold);
  void set_t_index_list(const std::vector<int>& t_index_list);
  void set_schedule(const SessionOptions& options);
  void set_lora_scales(const std::vector<float>& scales);
  void set_control_settings(const std::vector<ControlSettings>& settings);
  void set_image_prompts(const std::vector<ImagePrompt>& prompts);
  void set_filter(bool enabled, float threshold, int max_skip_frame);

  void push(ImageView frame, std::optional<session::FrameTag> tag = {},
            std::span<const ImageView> control_images = {});
  void generate(std::optional<session::FrameTag> tag = {},
                std::span<const ImageView> control_images = {});
  void advance();
  void flush();
  void set_overlap(bool overlap);
  void wait();
  /// Whether a call is queued on the device that was not waited for.
  bool on_device() const { return open_calls() > 0; }
  std::optional<Output> pop() { return frames_.pop(); }
  std::vector<Output> pop_all() { return frames_.pop_all(); }
  std::size_t in_flight() const { return frames_.size(); }

  const SessionOptions& options() const { return options_; }
  SessionTimes times() const { return times_; }
  std::string description() const;
  void for_each_executable(
      const std::function<void(const std::string& stage, const backend::Executable&)>& visit) const;

 private:
  using Program = session::Program;
  /// A call that is queued on the device, where the stream batch is in the device's memory.
  struct DeviceCall {
    /// By stream row, without those that were given up meanwhile.
    std::vector<stream::FrameId> rows;
    /// Whether it was not waited for.
    bool open = false;
  };

  void make_programs();
  /// Goes on with another program of the UNet, and in the pool of its shape.
  void use_unet(Program unet, const session::UNetKey& key);
  /// The UNet's program of the frame, alone or in a call with rows of other sessions.
  void run_unet();
  void use_schedule_of(const SessionOptions& next);
  session::Embedding negative_embedding(const std::vector<float>& lora_scales) const;
  /// Runs a program of the batch. Other streams have turns in the middle of a long one.
  void run(const Program& program, graph::Lifetime lifetime);
  /// Queues the frame program.
  void submit(const Program& program);
  void check_frame(const ImageView& frame) const;
  /// Throws invalid_argument naming the image, which is `what`, unless it has the session's size.
  void check_size(const ImageView& image, std::string_view what) const;
  void check_images(std::span<const ImageView> images) const;
  /// The control images of the frame in the next slot; those that lack are made of it.
  void gather_controls(std::span<const ImageView> images, const ImageView& frame);
  /// Into a slot of the encoder's input; returns the pixels there.
  std::span<const std::uint8_t> copy_pixels(const ImageView& frame, int slot);
  /// Puts a frame into the next slot, and runs the batch once all slots are taken.
  void gather(std::uint64_t frame_id);
  /// Runs the frames gathered so far; slots without one are left out.
  void run_batch();
  void run_stages();
  /// In a turn of the device; what it throws fails every frame in flight.
  template <typename Work>
  void in_turn(const Work& work);
  /// run_stages() where the stream batch is in the device's memory: everything is queued. Waits for
  /// the call before, and for this one too unless it may stay open.
  void run_stages_on_device();
  void make_stream_step();
  void keep_unet_on_device();
  void queue_frame(bool any);
  bool holds_leaving_frame() const;
  backend::StreamStepSettings step_settings();
  /// Whether the next frame needs other values on the device than those that are there, which
  /// calls in flight may still read.
  bool must_prepare() const;
  /// Whether the call that was queued last may be waited for later: nothing on the host needs what
  /// it gives, and no other session waits for the device.
  bool may_stay_open() const;
  int open_calls() const;
  /// The states' inputs and outputs are those of this buffer.
  void use_buffer(int buffer);
  /// Waits for the call in a buffer, if there is one, and takes what it gives.
  void finish_call(int buffer);
  void finish_calls();
  /// Gives up those frames of a call that are not finite.
  void give_up_broken(const DeviceCall& call);
  void give_up(std::uint64_t id, const Error& error);
  /// What is said of a frame whose latents from the encoder are not finite.
  static Error not_encoded(std::uint64_t id);
  /// The slot of the last frame that comes out, if it is to be fed back.
  std::optional<std::size_t> fed_back(std::span<const stream::FrameId> ids) const;
  /// The images of frames that come out, after the decoder has run.
  void finish_frames(std::span<const stream::FrameId> ids);
  void give_up_lost(const Error& error);
  /// Moves the control images one row further, and embeds those of the frames that enter.
  void enter_controls(bool any_frame);
  /// The UNet's scales of control images and image prompts, for a call whose first row is at
  /// `first_step` of `steps`.
  void write_scales(int first_step, int steps) const;
  void make_frame_slots();
  /// What cached attention keeps is of other prompts, weights or steps from now on.
  void forget_frames();
  /// The UNet's inputs for cached attention, in a call of a frame's calls; `held`: whether a frame
  /// is in a stream row.
  void write_cached_frames(int call, const std::function<bool(int)>& held);
  void weigh(double seconds_of_batch);
  /// An error that no single frame caused: every frame in flight fails.
  void fail_all(const Error& error);
  /// Fails the frames that enter if their latents are not finite. Returns whether they are.
  bool check_encoded(std::span<const float> latents);
  /// New frames' latents with a share of those of the last image: z' = (1 - f) z + f z_last.
  std::span<const float> with_feedback(std::span<const float> latents);
  void run_stream_batch(bool from_noise, std::span<const float> latents);
  void run_sequential(bool from_noise, std::span<const float> latents);
  /// The programs of the UNet that do not depend on the frame, where they are stale. In this order,
  /// because a value of the prompt's program may depend on the schedule as well.
  void refresh_schedule();
  void refresh_prompts();
  void deliver(std::span<const float> latents, std::span<const stream::FrameId> ids);
  Output make_output(int slot) const;
  void draw_noise(std::span<float> out);

  std::shared_ptr<Engine::Impl> engine_;
  base::TurnQueue::Member turns_;
  const bool equal_rates_;
  /// Of the device, smoothed; 0 before the first. Kept for equal rates alone.
  double frame_seconds_ = 0;
  /// Of turns in which no call ended yet.
  double unweighed_seconds_ = 0;
  const std::stop_token stop_;
  /// Set while a batch runs, and how long that waited, in seconds. This is no part of times_.
  base::TurnQueue::Turn* turn_ = nullptr;
  double waited_ = 0;
  SessionOptions options_;
  stream::LatentShape latent_;
  /// One of these two is set, as options_.use_denoising_batch says.
  std::optional<stream::StreamBatch> batch_;
  std::optional<stream::Sequential> sequential_;
  stream::SimilarityFilter filter_;
  std::optional<stream::FrameNoise> text_to_image_noise_;
  Program encoder_, unet_, decoder_;
  /// Set where the device holds the latents of the stream batch.
  std::unique_ptr<backend::StreamStep> step_;
  /// What it was given last.
  std::optional<stream::SeedBlend> step_seeds_;
  std::vector<backend::StepCoefficients> step_coefficients_;
  /// By buffer of the device, and that of the next call. At most one is open between two frames.
  std::array<DeviceCall, backend::kFrameBuffers> calls_;
  int buffer_ = 0;
  /// As set_overlap() says.
  bool overlap_ = false;
  /// Whether it keeps the latents of the last image.
  bool step_keeps_last_ = false;
  /// Where the UNet's rows may share a call with those of other sessions; it refers to unet_.
  std::optional<session::RowPool::Member> pooled_;
  /// Of the turn in progress: what calls of others did for this session, less what its own did for
  /// others, in seconds.
  double from_others_ = 0;
  std::optional<session::Controls> controls_;
  /// Set with cached attention.
  std::optional<stream::FrameSlots> frame_slots_;
  /// By UNet row, of the call in progress.
  std::vector<bool> held_;
  std::optional<session::ImagePrompts> image_prompts_;
  /// That a net had no control image.
  bool warned_of_images_ = false;
  /// Whether a new schedule makes the prompt's program stale too. Stable Diffusion's reads none, so
  /// that a change of timesteps does not project the prompt's keys and values anew.
  bool prompt_reads_schedule_ = false;
  /// As they were set, for the text encoders under other LoRA scales.
  std::vector<WeightedPrompt> prompt_texts_;
  /// Their embeddings, which a transition blends anew in each frame.
  std::vector<session::Embedding> prompt_parts_;
  Interpolation interpolation_ = Interpolation::linear;
  /// Unset: none was given.
  std::optional<std::string> negative_text_;
  std::optional<session::Conditioning> conditioning_;
  /// Whether the UNet's programs of that lifetime must run before the next frame.
  bool schedule_stale_ = true, prompts_stale_ = true;
  std::vector<stream::FrameId> entering_, leaving_;
  int gathered_ = 0;
  std::vector<float> finished_, fresh_;
  /// Of the last image since feedback is on; empty before the first.
  std::vector<float> last_latents_;
  session::FramesInFlight frames_;
  SessionTimes times_;
};

}  // namespace streamdiffusion
