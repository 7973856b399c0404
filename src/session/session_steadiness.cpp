// What makes a session's images steadier: feedback of latents, and cached attention with the frames
// that it keeps.
#include "params/check.h"
#include "session/session_impl.h"

namespace streamdiffusion {

void Session::Impl::set_latent_feedback(float strength) {
  params::check(SessionOptions{.latent_feedback = strength});
  wait();
  options_.latent_feedback = strength;
  if (strength > 0) return;
  last_latents_.clear();
  step_keeps_last_ = false;
}

std::optional<std::size_t> Session::Impl::fed_back(std::span<const stream::FrameId> ids) const {
  if (options_.latent_feedback == 0) return std::nullopt;
  for (std::size_t slot = ids.size(); slot-- > 0;)
    if (ids[slot]) return slot;
  return std::nullopt;
}

std::span<const float> Session::Impl::with_feedback(std::span<const float> latents) {
  const float share = options_.latent_feedback;
  if (share == 0 || last_latents_.empty()) return latents;
  for (std::size_t i = 0; i < latents.size(); ++i)
    fresh_[i] = (1 - share) * latents[i] + share * last_latents_[i % latent_.size()];
  return fresh_;
}

void Session::Impl::make_frame_slots() {
  if (!options_.use_cached_attn) return;
  const int rows = (batch_ ? batch_->layout() : sequential_->layout()).unet_rows();
  frame_slots_.emplace(rows, batch_ ? 1 : sequential_->steps(), options_.cache_maxframes,
                       options_.cache_interval);
  held_.resize(static_cast<std::size_t>(rows));
}

void Session::Impl::set_cache_interval(int interval) {
  params::check(SessionOptions{.cache_interval = interval});
  options_.cache_interval = interval;
  if (frame_slots_) frame_slots_->set_interval(interval);
}

void Session::Impl::set_feature_injection(float strength, float threshold) {
  params::check(SessionOptions{.feature_injection_strength = strength,
                               .feature_injection_threshold = threshold});
  options_.feature_injection_strength = strength;
  options_.feature_injection_threshold = threshold;
}

void Session::Impl::forget_frames() {
  if (frame_slots_) frame_slots_->clear();
}

void Session::Impl::write_cached_frames(int call, const std::function<bool(int)>& held) {
  if (!frame_slots_) return;
  const stream::RowLayout& layout = batch_ ? batch_->layout() : sequential_->layout();
  for (std::size_t row = 0; row < held_.size(); ++row) {
    held_[row] = held(layout.stream_row(static_cast<int>(row)));
  }
  const tensor::View slots = unet_.state->input("cached_slots");
  frame_slots_->enter(
      call, held_,
      {slots.as<std::int32_t>(), static_cast<std::size_t>(slots.desc.shape.elements())});
  if (!options_.use_feature_injection) return;
  const std::span<float> settings = unet_.input("feature_injection");
  for (std::size_t i = 0; i < settings.size(); i += 2) {
    settings[i] = options_.feature_injection_strength;
    settings[i + 1] = options_.feature_injection_threshold;
  }
}

}  // namespace streamdiffusion
