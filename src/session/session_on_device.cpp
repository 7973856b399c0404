// The stages of a frame where the device holds the latents of the stream batch: everything is
// queued, and waited for once.
#include <algorithm>

#include "base/error.h"
#include "session/session_impl.h"

namespace streamdiffusion {

using base::ErrorCode;

void Session::Impl::make_stream_step() {
  if (!batch_) return;
  const stream::RowLayout& layout = batch_->layout();
  step_ = engine_->device->make_stream_step({.steps = layout.steps,
                                             .frames = layout.frames,
                                             .negative_rows = layout.negative_rows(),
                                             .cfg = layout.cfg,
                                             .row_elements = latent_.size(),
                                             .from_noise = options_.text_to_image,
                                             .keeps_finished = options_.keep_tensors});
  if (!step_) return;
  base::require(!pooled_, ErrorCode::internal, "rows of a stream on the device in a shared call");
  step_coefficients_.resize(static_cast<std::size_t>(layout.steps));
  finite_rows_.resize(static_cast<std::size_t>(layout.stream_rows()));
  keep_rows_on_device();
  if (encoder_.state) encoder_.state->keep_on_device("latents");
  decoder_.state->keep_on_device("latents");
}

void Session::Impl::keep_rows_on_device() {
  unet_.state->keep_on_device("latents");
  unet_.state->keep_on_device("prediction");
}

void Session::Impl::submit(const Program& program) {
  turn_->use(program.executable.get());
  program.executable->submit(graph::Lifetime::per_frame, *program.state);
  waited_ = turn_->waited() - from_others_;
}

void Session::Impl::run_stages_on_device() {
  const bool any = std::ranges::any_of(entering_, [](const auto& id) { return id.has_value(); });
  for (const stream::FrameId& id : entering_) times_.frames += id.has_value();
  queue_frame(any);
  step_->wait();
  const backend::StageSeconds seconds = step_->seconds();
  times_.encode += seconds.encode;
  times_.unet += seconds.unet;
  times_.decode += seconds.decode;
  take_ids();
  if (options_.keep_tensors)
    std::ranges::copy(step_->finished(), decoder_.input("latents").begin());
  if (const std::optional<std::size_t> slot = fed_back(leaving_)) {
    step_->keep_last(static_cast<int>(*slot));
    step_keeps_last_ = true;
  }
  finish_frames(leaving_);
}

void Session::Impl::queue_frame(bool any) {
  step_->begin();
  if (any && encoder_.executable) submit(encoder_);
  step_->encoded();
  if (controls_->any()) enter_controls(any);
  refresh_schedule();
  refresh_prompts();
  if (step_seeds_ != batch_->parameters().seeds) {
    step_->set_noise(batch_->noise());
    step_seeds_ = batch_->parameters().seeds;
  }
  batch_->enter_ids(entering_);
  std::ranges::fill(entering_, stream::FrameId());
  step_->enter(step_settings(), encoder_.state.get(), fresh_, *unet_.state);
  write_scales(0, batch_->layout().steps);
  write_cached_frames(0, [&](int row) { return batch_->holds_frame(row); });
  submit(unet_);
  if (frame_slots_) frame_slots_->leave(0);
  step_->leave(*unet_.state, *decoder_.state);
  const int rows = batch_->layout().stream_rows(), frames = batch_->layout().frames;
  for (int row = rows - frames; row < rows; ++row)
    if (batch_->holds_frame(row)) return submit(decoder_);
}

backend::StreamStepSettings Session::Impl::step_settings() {
  const stream::StreamParameters& p = batch_->parameters();
  std::ranges::transform(p.steps, step_coefficients_.begin(), [](const auto& step) {
    return backend::StepCoefficients{step.a, step.b, step.c_skip, step.c_out,
                                     step.q, step.r, step.out_a,  step.out_b};
  });
  const stream::Guidance guidance{batch_->layout().cfg, p.guidance_scale, p.delta};
  return {.steps = step_coefficients_,
          .prediction = p.prediction,
          .guided = guidance.active(),
          .scale = guidance.active() ? guidance.scale : 1.0F,
          .delta = p.delta,
          .add_noise = p.do_add_noise,
          .feedback = step_keeps_last_ ? options_.latent_feedback : 0.0F};
}

void Session::Impl::take_ids() {
  give_up_encoded();
  for (std::size_t row = 0; row < finite_rows_.size(); ++row)
    finite_rows_[row] = step_->is_finite(static_cast<int>(row));
  std::ranges::fill(leaving_, stream::FrameId());
  try {
    batch_->leave_ids(finite_rows_, leaving_);
  } catch (const Error& error) {
    give_up_lost(error);
  }
}

void Session::Impl::give_up_encoded() {
  for (int frame = 0; frame < batch_->layout().frames; ++frame) {
    const stream::FrameId id = batch_->frame(frame);
    if (!id || step_->encoded_is_finite(frame)) continue;
    give_up_frame(*id);
    batch_->give_up(frame);
    forget_frames();
  }
}

}  // namespace streamdiffusion
