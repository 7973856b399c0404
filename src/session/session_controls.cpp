// What concerns a session's ControlNets: their settings, and the control images of its frames.
#include "base/error.h"
#include "base/log.h"
#include "session/session_impl.h"
#include "session/session_options.h"
#include "session/stopwatch.h"

namespace streamdiffusion {

using base::ErrorCode;

/// The rows in flight go on: those that a net has no image of, without it.
void Session::Impl::set_control_settings(const std::vector<ControlSettings>& settings) {
  SessionOptions wanted = options_;
  wanted.control_settings = settings;
  session::resolve_preprocessors(engine_->model, wanted.control_settings);
  session::check_options(engine_->model, wanted);
  wait();
  if (session::enabled_controlnets(wanted) != session::enabled_controlnets(options_)) {
    engine_->prompts.release();
    Program unet(engine_->executables.unet(session::unet_key(wanted), stop_));
    controls_->set(engine_->executables, wanted, stop_);
    use_unet(std::move(unet), session::unet_key(wanted));
    controls_->write_images(*unet_.state);
    schedule_stale_ = prompts_stale_ = true;
  } else {
    controls_->set(engine_->executables, wanted, stop_);
  }
  if (options_.control_settings != wanted.control_settings) forget_frames();
  options_ = std::move(wanted);
}

void Session::Impl::check_images(std::span<const ImageView> images) const {
  const std::size_t nets = options_.control_settings.size();
  base::require(images.size() <= nets, ErrorCode::invalid_argument, "the frame has ", images.size(),
                " control images, the engine ", nets, " ControlNets");
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (images[i].data != nullptr) check_size(images[i], base::concat("control image ", i));
  }
}

void Session::Impl::gather_controls(std::span<const ImageView> images, const ImageView& frame) {
  if (!controls_->any()) return;
  const session::Stopwatch watch(times_.other, waited_, engine_->turns);
  if (controls_->copy_images(images, frame, gathered_) || warned_of_images_) return;
  warned_of_images_ = true;
  base::warn("a ControlNet has no control image and no frame to make one of; it does not act");
}

void Session::Impl::enter_controls(bool any_frame) {
  controls_->enter(any_frame,
                   [&](const Program& program) { run(program, graph::Lifetime::per_frame); });
  controls_->write_images(*unet_.state);
}

}  // namespace streamdiffusion
