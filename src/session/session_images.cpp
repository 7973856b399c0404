// What concerns a session's image prompts.
#include <algorithm>

#include "session/session_impl.h"
#include "session/session_options.h"

namespace streamdiffusion {

/// Scales are values; other images are other keys and values of the prompt, and another number of
/// them is another program.
void Session::Impl::set_image_prompts(const std::vector<ImagePrompt>& prompts) {
  SessionOptions wanted = options_;
  wanted.image_prompts = prompts;
  session::check_options(engine_->model, wanted);
  wait();
  session::ImagePrompts next = *image_prompts_;
  next.set(engine_->images, wanted, stop_);
  if (session::image_counts(wanted) != session::image_counts(options_)) {
    engine_->prompts.release();
    const session::UNetKey key = session::unet_key(wanted);
    use_unet(Program(engine_->executables.unet(key, stop_)), key);
    controls_->write_images(*unet_.state);
    schedule_stale_ = true;
  }
  const auto same_images = [](const ImagePrompt& a, const ImagePrompt& b) {
    return a.images == b.images;
  };
  if (schedule_stale_ || !std::ranges::equal(options_.image_prompts, prompts, same_images)) {
    prompts_stale_ = true;
  }
  if (options_.image_prompts != prompts) forget_frames();
  image_prompts_ = std::move(next);
  options_ = std::move(wanted);
}

void Session::Impl::write_scales(int first_step, int steps) const {
  if (controls_->any()) controls_->write_scales(*unet_.state, first_step, steps);
  image_prompts_->write_scales(*unet_.state);
}

}  // namespace streamdiffusion
