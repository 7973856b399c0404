// The public Session: forwards to its implementation.
#include "streamdiffusion/session.h"

#include "params/seed.h"
#include "session/session_impl.h"

namespace streamdiffusion {

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

void Session::set_prompt(const std::string& prompt) {
  set_prompts({{prompt, 1.0F}}, Interpolation::linear);
}

void Session::set_prompts(const std::vector<WeightedPrompt>& prompts, Interpolation how) {
  impl_->set_prompts(prompts, how);
}

void Session::set_negative_prompt(const std::string& prompt) {
  impl_->set_negative_prompt(prompt);
}

void Session::set_guidance_scale(float scale) {
  impl_->set_guidance_scale(scale);
}

void Session::set_delta(float delta) {
  impl_->set_parameters([&](stream::StreamParameters& parameters) { parameters.delta = delta; });
}

void Session::set_seed(std::int64_t seed) {
  impl_->set_seeds({{params::resolved_seed(seed), 1.0F}}, Interpolation::slerp);
}

void Session::set_seeds(const std::vector<WeightedSeed>& seeds, Interpolation how) {
  impl_->set_seeds(seeds, how);
}

void Session::set_latent_feedback(float strength) {
  impl_->set_latent_feedback(strength);
}

void Session::set_cache_interval(int interval) {
  impl_->set_cache_interval(interval);
}

void Session::set_feature_injection(float strength, float threshold) {
  impl_->set_feature_injection(strength, threshold);
}

void Session::set_t_index_list(const std::vector<int>& t_index_list) {
  impl_->set_t_index_list(t_index_list);
}

void Session::set_schedule(const SessionOptions& options) {
  impl_->set_schedule(options);
}

void Session::set_lora_scales(const std::vector<float>& scales) {
  impl_->set_lora_scales(scales);
}

void Session::set_control_settings(const std::vector<ControlSettings>& settings) {
  impl_->set_control_settings(settings);
}

void Session::set_image_prompts(const std::vector<ImagePrompt>& prompts) {
  impl_->set_image_prompts(prompts);
}

void Session::set_similar_image_filter(bool enabled, float threshold, int max_skip_frame) {
  impl_->set_filter(enabled, threshold, max_skip_frame);
}

std::optional<Output> Session::process(ImageView frame) {
  impl_->push(frame);
  return impl_->pop();
}

std::vector<Output> Session::process(std::span<const ImageView> frames) {
  for (const ImageView& frame : frames) impl_->push(frame);
  return impl_->pop_all();
}

std::vector<Output> Session::process(ImageView frame, std::uint64_t frame_id, std::any tag) {
  impl_->push(frame, session::FrameTag{frame_id, std::move(tag)});
  return impl_->pop_all();
}

std::vector<Output> Session::process(ImageView frame, std::span<const ImageView> control_images,
                                     std::uint64_t frame_id, std::any tag) {
  impl_->push(frame, session::FrameTag{frame_id, std::move(tag)}, control_images);
  return impl_->pop_all();
}

std::optional<Output> Session::generate() {
  impl_->generate();
  return impl_->pop();
}

std::vector<Output> Session::generate(std::uint64_t frame_id, std::any tag) {
  impl_->generate(session::FrameTag{frame_id, std::move(tag)});
  return impl_->pop_all();
}

std::vector<Output> Session::generate(std::span<const ImageView> control_images,
                                      std::uint64_t frame_id, std::any tag) {
  impl_->generate(session::FrameTag{frame_id, std::move(tag)}, control_images);
  return impl_->pop_all();
}

std::vector<Output> Session::advance() {
  impl_->advance();
  return impl_->pop_all();
}

std::vector<Output> Session::flush() {
  impl_->flush();
  return impl_->pop_all();
}

std::size_t Session::in_flight() const {
  return impl_->in_flight();
}

void Session::set_overlap(bool overlap) {
  impl_->set_overlap(overlap);
}

std::vector<Output> Session::wait() {
  impl_->wait();
  return impl_->pop_all();
}

bool Session::on_device() const {
  return impl_->on_device();
}

int Session::width() const {
  return *impl_->options().width;
}
int Session::height() const {
  return *impl_->options().height;
}
std::int64_t Session::seed() const {
  return impl_->seed();
}

int Session::steps() const {
  return static_cast<int>(impl_->options().t_index_list.size());
}
SessionTimes Session::times() const {
  return impl_->times();
}
std::string Session::description() const {
  return impl_->description();
}

}  // namespace streamdiffusion
