// What a session's prompts and LoRA scales set: the text encoders' answers and the UNet's weights.
#include "base/error.h"
#include "params/check.h"
#include "session/session_impl.h"
#include "session/session_options.h"

namespace streamdiffusion {

void Session::Impl::set_prompts(const std::vector<WeightedPrompt>& prompts, Interpolation how) {
  params::check_prompts(prompts);
  session::BlendedPrompts blended =
      session::blend(engine_->prompts, prompts, how, options_.lora_scales);
  conditioning_->set_prompt(std::move(blended.blend));
  prompt_parts_ = std::move(blended.parts);
  if (prompts != prompt_texts_ || how != interpolation_) forget_frames();
  prompt_texts_ = prompts;
  interpolation_ = how;
  prompts_stale_ = true;
}

void Session::Impl::set_negative_prompt(const std::string& prompt) {
  params::check(LiveSettings{.negative_prompt = prompt});
  conditioning_->set_negative(engine_->prompts.encode(prompt, options_.lora_scales));
  if (negative_text_ != prompt) forget_frames();
  negative_text_ = prompt;
  prompts_stale_ = true;
}

session::Embedding Session::Impl::negative_embedding(const std::vector<float>& lora_scales) const {
  return negative_text_ ? engine_->prompts.encode(*negative_text_, lora_scales)
                        : engine_->prompts.no_negative(lora_scales);
}

/// The rows in flight are in the stream batch, on the host: they go on under the new weights.
void Session::Impl::set_lora_scales(const std::vector<float>& scales) {
  SessionOptions wanted = options_;
  wanted.lora_scales = scales;
  session::check_options(engine_->model, wanted);
  if (scales == options_.lora_scales) return;
  wait();
  // Before the UNet, so that the text encoders can be released before its weights are read.
  session::BlendedPrompts blended =
      session::blend(engine_->prompts, prompt_texts_, interpolation_, scales);
  session::Embedding negative = negative_embedding(scales);
  engine_->prompts.release();
  const session::UNetKey key = session::unet_key(wanted);
  session::SharedExecutable unet = engine_->executables.unet(key, stop_);
  if (unet != unet_.executable) {
    use_unet(Program(std::move(unet)), key);
    controls_->write_images(*unet_.state);
  }
  conditioning_->set_prompt(std::move(blended.blend));
  prompt_parts_ = std::move(blended.parts);
  conditioning_->set_negative(std::move(negative));
  options_ = std::move(wanted);
  schedule_stale_ = prompts_stale_ = true;
  forget_frames();
}

}  // namespace streamdiffusion
