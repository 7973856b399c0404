// The stages of a frame where the device holds the latents of the stream batch: everything is
// queued. With overlap, the frame after is queued before this one is waited for.
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
  for (DeviceCall& call : calls_) call.rows.resize(static_cast<std::size_t>(layout.stream_rows()));
  keep_unet_on_device();
  for (const Program* program : {&encoder_, &decoder_}) {
    if (!program->state) continue;
    program->state->keep_on_device("latents");
    program->state->buffer_frames();
  }
}

void Session::Impl::keep_unet_on_device() {
  unet_.state->keep_on_device("latents");
  unet_.state->keep_on_device("prediction");
  unet_.state->buffer_frames();
  unet_.state->use_buffer(buffer_);
}

void Session::Impl::submit(const Program& program) {
  turn_->use(program.executable.get());
  program.executable->submit(graph::Lifetime::per_frame, *program.state);
  waited_ = turn_->waited() - from_others_;
}

void Session::Impl::set_overlap(bool overlap) {
  overlap_ = overlap;
  if (!overlap) wait();
}

void Session::Impl::run_stages_on_device() {
  const bool any = std::ranges::any_of(entering_, [](const auto& id) { return id.has_value(); });
  for (const stream::FrameId& id : entering_) times_.frames += id.has_value();
  if (must_prepare()) finish_calls();
  queue_frame(any);
  use_buffer(1 - buffer_);  // of the next call, and of the one before
  finish_call(buffer_);
  if (!may_stay_open()) finish_calls();
}

bool Session::Impl::must_prepare() const {
  return schedule_stale_ || prompts_stale_ || step_seeds_ != batch_->parameters().seeds;
}

bool Session::Impl::may_stay_open() const {
  return overlap_ && !options_.enable_similar_image_filter && options_.latent_feedback == 0 &&
         engine_->turns.waiting() == 0;
}

int Session::Impl::open_calls() const {
  return static_cast<int>(std::ranges::count(calls_, true, &DeviceCall::open));
}

void Session::Impl::use_buffer(int buffer) {
  buffer_ = buffer;
  for (const Program* program : {&encoder_, &unet_, &decoder_})
    if (program->state) program->state->use_buffer(buffer);
}

void Session::Impl::finish_calls() {
  finish_call(buffer_);  // the older one, if both are open
  finish_call(1 - buffer_);
}

void Session::Impl::finish_call(int buffer) {
  DeviceCall& call = calls_[static_cast<std::size_t>(buffer)];
  if (!call.open) return;
  step_->wait(buffer);
  call.open = false;
  const backend::StageSeconds seconds = step_->seconds();
  times_.encode += seconds.encode;
  times_.unet += seconds.unet;
  times_.decode += seconds.decode;
  give_up_broken(call);
  std::copy(call.rows.end() - batch_->layout().frames, call.rows.end(), leaving_.begin());
  if (options_.keep_tensors)
    std::ranges::copy(step_->finished(), decoder_.input("latents").begin());
  if (const std::optional<std::size_t> slot = fed_back(leaving_)) {
    step_->keep_last(static_cast<int>(*slot));
    step_keeps_last_ = true;
  }
  decoder_.state->use_buffer(buffer);
  finish_frames(leaving_);
  decoder_.state->use_buffer(buffer_);
}

void Session::Impl::queue_frame(bool any) {
  step_->begin(buffer_);
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
  if (holds_leaving_frame()) submit(decoder_);
  step_->end();
  DeviceCall& call = calls_[static_cast<std::size_t>(buffer_)];
  for (std::size_t row = 0; row < call.rows.size(); ++row)
    call.rows[row] = batch_->frame(static_cast<int>(row));
  call.open = true;
  batch_->leave_ids(leaving_);
}

bool Session::Impl::holds_leaving_frame() const {
  const int rows = batch_->layout().stream_rows();
  for (int row = rows - batch_->layout().frames; row < rows; ++row)
    if (batch_->holds_frame(row)) return true;
  return false;
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

/// A frame of a later call too, which has it one step further. What cached attention keeps of it is
/// not finite either.
void Session::Impl::give_up_broken(const DeviceCall& call) {
  const int frames = batch_->layout().frames, rows = batch_->layout().stream_rows();
  for (int row = 0; row < rows; ++row) {
    const stream::FrameId id = call.rows[static_cast<std::size_t>(row)];
    const bool encoded = row >= frames || step_->encoded_is_finite(row);
    if (!id || (encoded && step_->is_finite(row))) continue;
    give_up(*id, encoded ? batch_->not_finite(row) : not_encoded(*id));
    batch_->give_up(*id);
    for (DeviceCall& each : calls_) std::ranges::replace(each.rows, id, stream::FrameId());
    forget_frames();
  }
}

}  // namespace streamdiffusion
