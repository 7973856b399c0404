// The stream batch in the memory of a device that has its own: the latents of a frame go from the
// encoder through the UNet to the decoder without passing the host, which queues a whole call, and
// may queue the next before it waits. The arithmetic is that of stream::StreamBatch (step_value.h).
#pragma once

#include <cstddef>
#include <span>

#include "streamdiffusion/options.h"

namespace streamdiffusion::backend {

class State;

/// A denoising step; schedule::DenoisingStep says what these are.
struct StepCoefficients {
  float a = 1, b = 0;
  float c_skip = 0, c_out = 1;
  float q = 0, r = 0;
  float out_a = 1, out_b = 0;
};

/// Rows as stream::RowLayout has them.
struct StreamStepShape {
  int steps = 1, frames = 1, negative_rows = 0;
  CfgType cfg = CfgType::none;
  /// h * w * c of the latents.
  std::size_t row_elements = 0;
  /// Frames enter as pure noise (text to image), not as latents of the encoder.
  bool from_noise = false;
  /// Finished latents are copied to the host as well.
  bool keeps_finished = false;

  int stream_rows() const { return steps * frames; }
};

/// What may change from call to call.
struct StreamStepSettings {
  /// One for each step of the shape.
  std::span<const StepCoefficients> steps;
  PredictionType prediction = PredictionType::epsilon;
  /// Whether there is guidance, and its scale, 1 if there is none.
  bool guided = false;
  float scale = 1, delta = 1;
  bool add_noise = true;
  /// 0..1: share of the latents kept by keep_last() in those of new frames.
  float feedback = 0;
};

/// How many calls may be on their way.
inline constexpr int kFrameBuffers = 2;

/// Seconds of a call, by the device's own clock: up to encoded(), to the end of leave(), and to
/// that of the decoder. Copies beside another call are not in them.
struct StageSeconds {
  double encode = 0, unet = 0, decode = 0;
};

/// One stream. A call is begin(), the encoder's program, encoded(), enter(), the UNet's program,
/// leave(), the decoder's program, end() and wait(), with the programs queued by
/// Executable::submit(), whose states use the buffer of the call (State::use_buffer). The next call
/// may begin, in another buffer, before wait(). The ports that are named here must be kept on the
/// device (State::keep_on_device). Every function throws internal if the device fails. Allocates
/// nothing after construction.
class StreamStep {
 public:
  /// Waits for what is on its way.
  virtual ~StreamStep() = default;
  /// The noise of every step, [steps][row]. Waits.
  virtual void set_noise(std::span<const float> noise) = 0;

  /// A call in this buffer, whose last call was waited for. After abandon(), whatever is left of
  /// earlier calls is waited for.
  virtual void begin(int buffer) = 0;
  virtual void encoded() = 0;
  /// New frames at step 0, each waiting frame one step further: writes the UNet's input "latents".
  /// New frames are the encoder's output "latents", or with from_noise `noise`, [frames][row].
  virtual void enter(const StreamStepSettings& settings, const State* encoder,
                     std::span<const float> noise, State& unet) = 0;
  /// Takes the step with the UNet's output "prediction". Finished latents become the decoder's
  /// input "latents".
  virtual void leave(const State& unet, State& decoder) = 0;
  /// All of the call is queued.
  virtual void end() = 0;
  /// Waits for the call in this buffer, and for none behind it.
  virtual void wait(int buffer) = 0;
  /// The calls that were begun and not waited for have failed. Waits for nothing.
  virtual void abandon() = 0;

  // Of the call that was waited for last:
  /// Of what the encoder, or the noise, gave for a new frame.
  virtual bool encoded_is_finite(int frame) const = 0;
  /// Of what the step gave for a row. Where it is not, the row goes on with zeros.
  virtual bool is_finite(int stream_row) const = 0;
  /// With keeps_finished: [frames][row].
  virtual std::span<const float> finished() const = 0;
  virtual StageSeconds seconds() const = 0;
  /// The frame's finished latents are what settings.feedback refers to from now on. No call may
  /// have begun after it.
  virtual void keep_last(int frame) = 0;
};

}  // namespace streamdiffusion::backend
