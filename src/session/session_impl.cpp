#include "session/session_impl.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "base/join.h"
#include "params/check.h"
#include "session/pause_for_others.h"
#include "session/session_options.h"
#include "session/stopwatch.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion {
namespace {

using base::ErrorCode;
using graph::Lifetime;
using session::PauseForOthers;
using session::Stopwatch;

/// The filter has a random sequence of its own, so that noise does not shift it.
constexpr std::uint64_t kFilterSeed = 0x51f17e5;

}  // namespace

Session::Impl::Impl(std::shared_ptr<Engine::Impl> engine, const SessionOptions& options,
                    std::stop_token stop, const SessionTurns& turns)
    : engine_(std::move(engine)),
      turns_(engine_->turns, turns.group),
      equal_rates_(turns.equal_rates),
      stop_(std::move(stop)),
      options_(options),
      filter_(static_cast<std::uint64_t>(options.seed) ^ kFilterSeed,
              options.similar_image_filter_threshold, options.similar_image_filter_max_skip_frame) {
  session::check_options(engine_->model, options_);
  const int factor = engine_->model.factor();
  latent_ = {*options_.height / factor, *options_.width / factor, engine_->model.latent_channels()};
  const stream::StreamParameters parameters = session::stream_parameters(engine_->model, options_);
  if (options_.text_to_image) text_to_image_noise_.emplace(latent_, parameters.seeds);
  const int frames = options_.frame_buffer_size;
  if (options_.use_denoising_batch) {
    const stream::RowLayout layout{static_cast<int>(parameters.steps.size()), frames,
                                   *options_.cfg_type};
    batch_.emplace(layout, latent_, parameters);
  } else {
    sequential_.emplace(frames, *options_.cfg_type, latent_, parameters);
  }
  const stream::RowLayout& layout = batch_ ? batch_->layout() : sequential_->layout();
  conditioning_.emplace(engine_->model, options_, layout.prompt_of_row());
  // Before the programs, so that the text encoders can be released before the UNet is read.
  set_prompts({{engine_->model.sample_prompt(), 1.0F}}, Interpolation::linear);
  const std::string& negative = engine_->model.sample_negative_prompt();
  if (!negative.empty()) negative_text_ = negative;
  conditioning_->set_negative(negative_embedding(options_.lora_scales));
  image_prompts_.emplace(engine_->model, layout.prompts());
  image_prompts_->set(engine_->images, options_, stop_);
  engine_->prompts.release();
  make_programs();
  entering_.resize(static_cast<std::size_t>(frames));
  leaving_.resize(static_cast<std::size_t>(frames));
  finished_.resize(static_cast<std::size_t>(frames) * latent_.size());
  fresh_.resize(finished_.size());
}

void Session::Impl::make_programs() {
  const session::AutoencoderKey image = session::autoencoder_key(options_);
  session::AutoencoderKey decoded = image;
  decoded.image = options_.keep_tensors;
  if (!options_.text_to_image) encoder_ = Program(engine_->executables.encoder(image, stop_));
  const session::UNetKey key = session::unet_key(options_);
  use_unet(Program(engine_->executables.unet(key, stop_)), key);
  controls_.emplace(engine_->model, batch_ ? batch_->layout() : sequential_->layout());
  controls_->set(engine_->executables, options_, stop_);
  prompt_reads_schedule_ = engine_->executables.prompt_reads_schedule();
  make_frame_slots();
  decoder_ = Program(engine_->executables.decoder(decoded, stop_));
  make_stream_step();
}

void Session::Impl::use_unet(Program unet, const session::UNetKey& key) {
  pooled_.reset();
  unet_ = std::move(unet);
  if (step_) keep_unet_on_device();
  if (engine_->row_pools.takes(key)) {
    pooled_.emplace(engine_->row_pools.pool(key), turns_, unet_);
  }
}

void Session::Impl::run(const Program& program, Lifetime lifetime) {
  turn_->use(program.executable.get());
  PauseForOthers pause(*turn_);
  program.executable->run(lifetime, *program.state, &pause);
  waited_ = turn_->waited() - from_others_;
}

void Session::Impl::run_unet() {
  if (!pooled_) return run(unet_, Lifetime::per_frame);
  PauseForOthers pause(*turn_);
  from_others_ += pooled_->run(*turn_, pause);
  waited_ = turn_->waited() - from_others_;
}

void Session::Impl::set_parameters(const std::function<void(stream::StreamParameters&)>& change) {
  stream::StreamParameters parameters = batch_ ? batch_->parameters() : sequential_->parameters();
  change(parameters);
  params::check(
      SessionOptions{.guidance_scale = parameters.guidance_scale, .delta = parameters.delta});
  batch_ ? batch_->set(parameters) : sequential_->set(parameters);
}

void Session::Impl::set_guidance_scale(float scale) {
  set_parameters([scale](stream::StreamParameters& p) { p.guidance_scale = scale; });
  if (!engine_->model.guidance_embedding()) return;
  schedule_stale_ = true;
  forget_frames();
}

void Session::Impl::set_seeds(const std::vector<WeightedSeed>& seeds, Interpolation how) {
  params::check_seeds(seeds);
  const stream::SeedBlend blend{seeds, how};
  if (blend != (batch_ ? batch_->parameters() : sequential_->parameters()).seeds) forget_frames();
  set_parameters([&](stream::StreamParameters& parameters) { parameters.seeds = blend; });
  if (text_to_image_noise_) text_to_image_noise_->set(blend);
}

std::int64_t Session::Impl::seed() const {
  const stream::StreamParameters& parameters =
      batch_ ? batch_->parameters() : sequential_->parameters();
  return parameters.seeds.seeds.front().seed;
}

void Session::Impl::set_filter(bool enabled, float threshold, int max_skip_frame) {
  params::check(SessionOptions{.similar_image_filter_threshold = threshold,
                               .similar_image_filter_max_skip_frame = max_skip_frame});
  wait();
  filter_.configure(threshold, max_skip_frame);
  if (enabled && !options_.enable_similar_image_filter) filter_.reset();
  options_.enable_similar_image_filter = enabled;
}

void Session::Impl::check_frame(const ImageView& frame) const {
  base::require(!options_.text_to_image, ErrorCode::invalid_argument,
                "this session draws from text alone; use generate()");
  check_size(frame, "frame");
}

void Session::Impl::check_size(const ImageView& image, std::string_view what) const {
  base::require(
      image.data != nullptr && image.width == *options_.width && image.height == *options_.height,
      ErrorCode::invalid_argument, "the ", what, " is ", image.width, "x", image.height,
      ", the session ", *options_.width, "x", *options_.height, "; fit the ", what, " first");
  const std::ptrdiff_t least = std::ptrdiff_t{3} * image.width,
                       most = PTRDIFF_MAX / std::max(image.height, 1);
  const bool forward = image.stride >= least && image.stride <= most;
  const bool backward = image.stride <= -least && image.stride >= -most;
  base::require(forward || backward, ErrorCode::invalid_argument, "the ", what, "'s stride is ",
                image.stride, " bytes, expected in either direction at least ", least);
}

void Session::Impl::push(ImageView frame, std::optional<session::FrameTag> tag,
                         std::span<const ImageView> control_images) {
  check_frame(frame);
  check_images(control_images);
  const std::uint64_t id = frames_.enter(std::move(tag));
  const std::span<const std::uint8_t> pixels = copy_pixels(frame, gathered_);
  if (options_.enable_similar_image_filter && !filter_.process(pixels) && frames_.has_image()) {
    frames_.reuse_image();
    ++times_.skipped;
    return;  // the slot stays free
  }
  gather_controls(control_images, frame);
  gather(id);
}

std::span<const std::uint8_t> Session::Impl::copy_pixels(const ImageView& frame, int slot) {
  const Stopwatch watch(times_.other, waited_, engine_->turns);
  const tensor::View view = encoder_.state->input("pixels").rows(slot, 1);
  session::copy_pixels(frame, view);
  return {view.as<std::uint8_t>(), view.desc.bytes()};
}

void Session::Impl::gather(std::uint64_t frame_id) {
  entering_[static_cast<std::size_t>(gathered_++)] = frame_id;
  if (gathered_ == options_.frame_buffer_size) run_batch();
}

void Session::Impl::generate(std::optional<session::FrameTag> tag,
                             std::span<const ImageView> control_images) {
  base::require(options_.text_to_image, ErrorCode::invalid_argument,
                "this session follows images; set text_to_image to draw from text alone");
  check_images(control_images);
  const std::uint64_t id = frames_.enter(std::move(tag));
  gather_controls(control_images, {});
  draw_noise(
      {fresh_.data() + static_cast<std::size_t>(gathered_) * latent_.size(), latent_.size()});
  gather(id);
}

void Session::Impl::draw_noise(std::span<float> out) {
  text_to_image_noise_->draw(out);
}

void Session::Impl::run_batch() {
  gathered_ = 0;
  in_turn([&] { run_stages(); });
}

void Session::Impl::wait() {
  if (on_device()) in_turn([&] { finish_calls(); });
}

template <typename Work>
void Session::Impl::in_turn(const Work& work) {
  try {
    base::TurnQueue::Turn turn(turns_, stop_);
    turn_ = &turn;
    from_others_ = 0;
    waited_ = turn.waited();
    const double before = turn.used();
    const int open = open_calls();
    work();
    unweighed_seconds_ += turn.used() - before;
    if (equal_rates_ && open_calls() <= open) weigh(std::exchange(unweighed_seconds_, 0));
  } catch (const std::exception& error) {
    fail_all(base::error_from(error));
  }
}

/// By the seconds of a frame, so that each frame counts as one, however much it takes.
void Session::Impl::weigh(double seconds_of_batch) {
  constexpr double kNewest = 0.25;
  const double seconds = std::max(seconds_of_batch, 1e-6) / options_.frame_buffer_size;
  frame_seconds_ = frame_seconds_ > 0 ? std::lerp(frame_seconds_, seconds, kNewest) : seconds;
  turns_.weigh(frame_seconds_);
}

void Session::Impl::run_stages() {
  if (step_) return run_stages_on_device();
  const bool from_noise = options_.text_to_image;
  const bool any = std::any_of(entering_.begin(), entering_.end(),
                               [](const auto& id) { return id.has_value(); });
  if (!from_noise && any) {
    const Stopwatch watch(times_.encode, waited_, engine_->turns);
    run(encoder_, Lifetime::per_frame);
    if (!check_encoded(encoder_.output("latents"))) return;
  }
  const std::span<const float> latents =
      from_noise ? std::span<const float>(fresh_) : with_feedback(encoder_.output("latents"));
  for (const stream::FrameId& id : entering_) times_.frames += id.has_value();
  if (controls_->any()) {
    const Stopwatch watch(times_.unet, waited_, engine_->turns);
    enter_controls(any);
  }
  batch_ ? run_stream_batch(from_noise, latents) : run_sequential(from_noise, latents);
}

void Session::Impl::run_stream_batch(bool from_noise, std::span<const float> latents) {
  std::fill(leaving_.begin(), leaving_.end(), stream::FrameId());
  {
    const Stopwatch watch(times_.unet, waited_, engine_->turns);
    refresh_schedule();
    refresh_prompts();
    const std::span<float> rows = unet_.input("latents");
    from_noise ? batch_->enter_noise(latents, entering_, rows)
               : batch_->enter(latents, entering_, rows);
    std::fill(entering_.begin(), entering_.end(), stream::FrameId());
    write_scales(0, batch_->layout().steps);
    write_cached_frames(0, [&](int row) { return batch_->holds_frame(row); });
    run_unet();
    if (frame_slots_) frame_slots_->leave(0);
    try {
      batch_->leave(unet_.output("prediction"), finished_, leaving_);
    } catch (const Error& error) {
      give_up_lost(error);
    }
  }
  deliver(finished_, leaving_);
}

void Session::Impl::run_sequential(bool from_noise, std::span<const float> latents) {
  leaving_ = entering_;
  std::fill(entering_.begin(), entering_.end(), stream::FrameId());
  {
    const Stopwatch watch(times_.unet, waited_, engine_->turns);
    from_noise ? sequential_->begin_noise(latents) : sequential_->begin(latents);
    for (int step = 0; step < sequential_->steps(); ++step) {
      sequential_->enter(step, unet_.input("latents"), unet_.input("timesteps"));
      schedule_stale_ = true;  // every step has its own timestep
      refresh_schedule();
      refresh_prompts();
      write_scales(step, sequential_->steps());
      write_cached_frames(
          step, [&](int row) { return leaving_[static_cast<std::size_t>(row)].has_value(); });
      run_unet();
      if (frame_slots_) frame_slots_->leave(step);
      sequential_->leave(step, unet_.output("prediction"));
    }
  }
  deliver(sequential_->result(), leaving_);
}

void Session::Impl::refresh_schedule() {
  if (!schedule_stale_) return;
  if (batch_) batch_->timesteps(unet_.input("timesteps"));
  const auto& parameters = batch_ ? batch_->parameters() : sequential_->parameters();
  conditioning_->write_guidance(*unet_.state, parameters.guidance_scale);
  if (pooled_) pooled_->schedule_changes();
  run(unet_, Lifetime::per_schedule);
  if (prompt_reads_schedule_) prompts_stale_ = true;
  schedule_stale_ = false;
}

void Session::Impl::refresh_prompts() {
  if (!prompts_stale_) return;
  engine_->prompts.release();
  conditioning_->write_prompts(*unet_.state);
  image_prompts_->write_tokens(*unet_.state);
  if (pooled_) pooled_->prompts_change();
  run(unet_, Lifetime::per_prompt);
  prompts_stale_ = false;
}

void Session::Impl::advance() {
  if (gathered_ > 0 || (batch_ && batch_->waiting())) run_batch();
  wait();
}

void Session::Impl::flush() {
  while (frames_.running()) advance();
}

std::string Session::Impl::description() const {
  const stream::StreamParameters& p = batch_ ? batch_->parameters() : sequential_->parameters();
  std::string guidance = name_of(kCfgTypes, *options_.cfg_type);
  const bool scaled = options_.cfg_type != CfgType::none || engine_->model.guidance_embedding();
  if (scaled) guidance += base::concat(" ", p.guidance_scale);
  const Parallel parallel = unet_.executable->row_groups() > 1 ? Parallel::rows : Parallel::ops;
  return base::concat(*options_.width, "x", *options_.height, "  ",
                      session::schedule_text(options_), "  ", guidance, "  parallel ",
                      name_of(kParallels, parallel));
}

void Session::Impl::for_each_executable(
    const std::function<void(const std::string&, const backend::Executable&)>& visit) const {
  const std::array<std::pair<const char*, const Program*>, 3> programs{
      {{"encode", &encoder_}, {"unet", &unet_}, {"decode", &decoder_}}};
  for (const auto& [stage, program] : programs) {
    if (program->executable) visit(stage, *program->executable);
  }
  controls_->for_each_executable(
      [&](const backend::Executable& executable) { visit("control", executable); });
}

}  // namespace streamdiffusion
