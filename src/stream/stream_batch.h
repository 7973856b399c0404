// The stream batch: n denoising steps of n successive frames in one UNet call (the paper's
// Stream Batch; docs/algorithm.md, section 4).
//
// A call has two halves around the UNet. enter() forms the rows: the new frames at step 0, each
// waiting frame one step further. leave() takes the step and lets the oldest frames out. Between
// calls a waiting frame is kept as its clean prediction and its noise, and meets the next step's
// coefficients on entry, so that every parameter changes exactly between two frames. Allocates
// nothing after construction.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "stream/denoise.h"
#include "stream/row_layout.h"
#include "stream/step_noise.h"
#include "streamdiffusion/error.h"

namespace streamdiffusion::stream {

/// What may change between two calls. steps has one entry a step of the layout.
struct StreamParameters {
  std::vector<schedule::DenoisingStep> steps;
  PredictionType prediction = PredictionType::epsilon;
  float guidance_scale = 1.2F;
  float delta = 1.0F;
  bool do_add_noise = true;
  SeedBlend seeds;
};

using FrameId = std::optional<std::uint64_t>;

class StreamBatch {
 public:
  StreamBatch(const RowLayout& layout, const LatentShape& shape, StreamParameters parameters);

  /// New values from the next enter() on. Throws invalid_argument if the number of steps differs.
  void set(const StreamParameters& parameters);
  const StreamParameters& parameters() const { return parameters_; }
  const RowLayout& layout() const { return layout_; }

  /// Timestep of every UNet row.
  void timesteps(std::span<float> out) const;

  /// New frames: clean latents z [frames, h, w, c] and an id each; an empty id is a row that no
  /// frame is in, whose latents may be anything finite. Writes the UNet's input [unet_rows, h, w,
  /// c].
  void enter(std::span<const float> z, std::span<const FrameId> ids, std::span<float> unet_input);
  /// The same from pure noise x [frames, h, w, c] (text to image).
  void enter_noise(std::span<const float> x, std::span<const FrameId> ids,
                   std::span<float> unet_input);

  /// Takes the UNet's prediction [unet_rows, h, w, c]. Writes the finished latents [frames, h, w,
  /// c] and their ids: an empty one where no frame has passed all steps yet. A frame whose latents
  /// are not finite is given up: throws numeric naming the step, after which the stream goes on
  /// without it.
  void leave(std::span<const float> prediction, std::span<float> out, std::span<FrameId> out_ids);

  // Where a device holds the latents and computes (backend::StreamStep), only ids are moved here.
  // Which rows are finite is known later than this:
  void enter_ids(std::span<const FrameId> ids);
  void leave_ids(std::span<FrameId> out_ids);
  /// A frame that waits is given up.
  void give_up(std::uint64_t id);
  /// What is said of a row whose latents are not finite.
  Error not_finite(int stream_row) const;
  /// Of the noise of every step, [steps, h, w, c].
  std::span<const float> noise() const { return noise_.all(); }

  /// Between enter() and leave(): whether a frame is in this stream row.
  bool holds_frame(int stream_row) const { return frame(stream_row).has_value(); }
  FrameId frame(int stream_row) const { return ids_[static_cast<std::size_t>(stream_row)]; }
  /// True while frames wait for their next step.
  bool waiting() const;
  /// True while this frame does.
  bool waiting(std::uint64_t id) const;
  /// Gives up every frame.
  void clear();

 private:
  void form_rows(std::span<const FrameId> ids, std::span<float> unet_input);
  float* row(std::vector<float>& rows, int r) const {
    return rows.data() + static_cast<std::size_t>(r) * size_;
  }

  RowLayout layout_;
  std::size_t size_;
  StreamParameters parameters_;
  StepNoise noise_;
  /// By stream row, inside a call.
  std::vector<float> x_, stock_;
  /// By stream row, after a call; the last step's rows are on their way out.
  std::vector<float> x0_, e_, gain_;
  /// By stream row.
  std::vector<FrameId> ids_;
  std::vector<bool> finite_;
};

}  // namespace streamdiffusion::stream
