// What a session's prompts and LoRA scales set: the text encoder's answers and the UNet's weights.
#include "base/error.h"
#include "params/check.h"
#include "session/session_impl.h"
#include "session/session_options.h"
#include "stream/prompt_blend.h"

namespace streamdiffusion {

void Session::Impl::set_prompts(const std::vector<WeightedPrompt>& prompts,
                                PromptInterpolation how) {
  params::check_prompts(prompts);
  std::vector<session::Embedding> kept;
  std::vector<stream::WeightedEmbedding> embeddings;
  for (const WeightedPrompt& prompt : prompts) {
    kept.push_back(engine_->prompts.encode(prompt.text, options_.lora_scales));
    embeddings.push_back({*kept.back(), prompt.weight});
  }
  prompt_ = stream::blend(embeddings, how);
  prompt_texts_ = prompts;
  interpolation_ = how;
  prompts_stale_ = true;
}

void Session::Impl::set_negative_prompt(const std::string& prompt) {
  params::check(LiveSettings{.negative_prompt = prompt});
  negative_ = engine_->prompts.encode(prompt, options_.lora_scales);
  negative_text_ = prompt;
  prompts_stale_ = true;
}

/// The rows in flight are in the stream batch, on the host: they go on under the new weights.
void Session::Impl::set_lora_scales(const std::vector<float>& scales) {
  SessionOptions wanted = options_;
  wanted.lora_scales = scales;
  session::check_options(engine_->model, wanted);
  if (scales == options_.lora_scales) return;
  session::SharedExecutable unet = engine_->executables.unet(session::unet_key(wanted), stop_);
  if (unet != unet_.executable) unet_ = program(std::move(unet));
  options_ = std::move(wanted);
  schedule_stale_ = true;
  set_prompts(std::vector(prompt_texts_), interpolation_);
  set_negative_prompt(std::string(negative_text_));
}

}  // namespace streamdiffusion
