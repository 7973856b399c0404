// One stream of frames through a model.
#pragma once

#include <any>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "streamdiffusion/error.h"
#include "streamdiffusion/image.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion {

/// What became of a frame.
struct Output {
  Image image;
  /// Of the frame: counted from 0, or the caller's own number.
  std::uint64_t frame_id = 0;
  /// The caller's own, as it came in with the frame.
  std::any tag;
  /// Why the frame failed; there is no image then. Only for frames with a number of the caller's:
  /// the error of any other frame is thrown.
  std::optional<Error> error;
  /// The similarity filter reused the previous image.
  bool reused = false;
  /// With keep_tensors: [channels, height / factor, width / factor], as the decoder gets them.
  std::vector<float> latents;
  /// With keep_tensors: [3, height, width] in about -1..1, before rounding.
  std::vector<float> pixels;
};

/// A prompt and its share in a blend.
struct WeightedPrompt {
  std::string text = {};
  float weight = 1.0F;
  bool operator==(const WeightedPrompt&) const = default;
};

/// Where the time of a session went, summed over its calls, in seconds.
struct SessionTimes {
  double encode = 0, unet = 0, decode = 0, other = 0;
  /// That went through the UNet.
  std::uint64_t frames = 0;
  /// For which the similarity filter reused the previous image.
  std::uint64_t skipped = 0;
};

/// Setters take effect before the next frame. Frames in flight go on under the new value. A session
/// is used by one thread at a time; several threads may use several sessions of an engine.
class Session {
 public:
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// The text that images follow, with emphasis as EngineOptions::prompt_syntax says. A long prompt
  /// is cut to the model's limit, with a warning that names what is left out.
  void set_prompt(const std::string& prompt);
  /// A weighted blend of prompts. Throws invalid_argument for no prompt, or weights that are
  /// negative or sum to zero.
  void set_prompts(const std::vector<WeightedPrompt>& prompts,
                   Interpolation how = Interpolation::slerp);
  /// Used by the guidance types full and initialize.
  void set_negative_prompt(const std::string& prompt);
  void set_guidance_scale(float scale);
  void set_delta(float delta);
  /// kDrawSeed draws one, and logs it.
  void set_seed(std::int64_t seed);
  /// The noise is a blend of the noise of several seeds. Weights near to those before make images
  /// near to those before. Throws invalid_argument for none, one twice, or weights that are
  /// negative or sum to zero.
  void set_seeds(const std::vector<WeightedSeed>& seeds, Interpolation how = Interpolation::slerp);
  /// See SessionOptions::latent_feedback.
  void set_latent_feedback(float strength);
  /// See SessionOptions::cache_interval.
  void set_cache_interval(int interval);
  /// See SessionOptions::feature_injection_strength.
  void set_feature_injection(float strength, float threshold);
  /// As many entries as the session has steps.
  void set_t_index_list(const std::vector<int>& t_index_list);
  /// The scheduler, eta, timestep_spacing, num_inference_steps, timesteps and t_index_list of these
  /// options; what is unset takes its default, as in Engine::session(). As many steps as the
  /// session has. Throws invalid_argument, with nothing changed.
  void set_schedule(const SessionOptions& options);
  /// One scale a LoRA of the engine. The weights are computed from the model's own file, so images
  /// are those of a session that was opened with these scales. Takes as long as opening one, unless
  /// Engine::prepare_lora_scales() was called before.
  void set_lora_scales(const std::vector<float>& scales);
  /// The settings of each ControlNet of the engine. A net that is switched on acts on frames that
  /// enter from now on; those in flight go on without it. Switching one on or off takes as long as
  /// opening a session, unless Engine::prepare_control_settings() was called before.
  void set_control_settings(const std::vector<ControlSettings>& settings);
  /// The images and scales of each IP-Adapter of the engine. Scales and layers are free to change.
  /// New images are encoded, and another number of them needs another program: that takes as long
  /// as opening a session, unless Engine::prepare_image_prompts() was called before. As with a
  /// prompt, frames in flight go on under the new images.
  void set_image_prompts(const std::vector<ImagePrompt>& prompts);
  void set_similar_image_filter(
      bool enabled, float threshold = SessionOptions().similar_image_filter_threshold,
      int max_skip_frame = SessionOptions().similar_image_filter_max_skip_frame);

  /// One frame of exactly width x height in; an image out once a frame has passed all steps:
  /// output k belongs to input k - (n - 1). Nothing before that; call flush() for the last n - 1.
  /// With frame_buffer_size F > 1, F calls make one batch, and images come out F calls later at the
  /// earliest. A frame that the filter skips costs no call. Outputs keep the order of their frames.
  /// Throws numeric instead of the output of a frame that failed; the others go on.
  std::optional<Output> process(ImageView frame);
  /// The same for several frames; returns every output that is ready. After a throw, the outputs of
  /// the other frames come out of the next call.
  std::vector<Output> process(std::span<const ImageView> frames);
  /// The same for a frame that the caller numbers and tags. Returns every output that is ready,
  /// that of a failed frame with its `error`. Numbers must ascend: throws invalid_argument, with
  /// the frame not taken.
  std::vector<Output> process(ImageView frame, std::uint64_t frame_id, std::any tag = {});
  /// The same with a control image for each ControlNet of the engine, in their order, of exactly
  /// width x height. For those without one, as in the functions above, ControlSettings::image says
  /// how it is made of the frame.
  /// Throws invalid_argument, with the frame not taken, for more images than nets.
  std::vector<Output> process(ImageView frame, std::span<const ImageView> control_images,
                              std::uint64_t frame_id, std::any tag = {});
  /// Text to image: one image from fresh noise. The rules of process() hold.
  std::optional<Output> generate();
  std::vector<Output> generate(std::uint64_t frame_id, std::any tag = {});
  /// The same with control images. A net without one does not act on this image; the first time,
  /// that is warned of. The two functions above have none.
  std::vector<Output> generate(std::span<const ImageView> control_images, std::uint64_t frame_id,
                               std::any tag = {});
  /// One UNet call without a new frame: those in flight go one step further. Returns every output
  /// that is ready.
  std::vector<Output> advance();
  /// Finishes all frames in flight and returns their outputs.
  std::vector<Output> flush();
  /// Frames that entered and have not come out.
  std::size_t in_flight() const;

  /// Whether frames overlap on a card: process() and generate() queue their frame, and return what
  /// the frame before it gives; wait() returns the last. Two are on the card then, and the one's
  /// pixels are copied while the other is computed. Images are the same to the last bit. A frame is
  /// waited for at once, as without overlap, with the similarity filter or latent feedback on,
  /// without the stream batch, while other sessions wait for the device, and on devices that are
  /// not cards. advance() and flush() wait, and so does a setter where it must. Off at first.
  void set_overlap(bool overlap);
  /// Waits for what is on the card. Returns every output that is ready, and throws as process().
  std::vector<Output> wait();
  /// Whether there is something to wait() for.
  bool on_device() const;

  int width() const;
  int height() const;
  int steps() const;
  /// The seed in force: the one that was drawn for kDrawSeed.
  std::int64_t seed() const;
  SessionTimes times() const;
  /// "256x256  t 18,32  self 1.2  parallel rows": size, steps, guidance, and how the UNet's rows
  /// use the cores.
  std::string description() const;

  /// The library's own.
  class Impl;

 private:
  friend class Engine;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamdiffusion
