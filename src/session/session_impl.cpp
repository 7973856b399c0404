#include "session/session_impl.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/clock.h"
#include "base/error.h"
#include "params/check.h"
#include "session/session_options.h"
#include "stream/prompt_blend.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion {
namespace {

using base::ErrorCode;
using graph::Lifetime;

/// The filter draws from a sequence of its own, so that it does not move when noise is drawn.
constexpr std::uint64_t kFilterStream = 0x51f17e5;

stream::StreamParameters stream_parameters(const SessionOptions& o,
                                           const schedule::LcmSchedule& schedule) {
  return {.steps = schedule.steps(o.t_index_list, *o.num_inference_steps),
          .prediction = schedule.prediction(),
          .guidance_scale = *o.guidance_scale,
          .delta = *o.delta,
          .do_add_noise = o.do_add_noise,
          .seed = o.seed};
}

/// Adds the time until its end to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(double& sum) : sum_(sum) {}
  ~Stopwatch() { sum_ += base::seconds_since(start_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& sum_;
  base::Clock::time_point start_ = base::Clock::now();
};

}  // namespace

Session::Impl::Impl(std::shared_ptr<Engine::Impl> engine, const SessionOptions& options)
    : engine_(std::move(engine)),
      options_(options),
      schedule_(engine_->model.scheduler()),
      filter_(options.seed ^ kFilterStream),
      text_to_image_noise_(options.seed) {
  session::check_options(engine_->model, options_);
  const int factor = engine_->model.factor();
  latent_ = {*options_.height / factor, *options_.width / factor, engine_->model.latent_channels()};
  const stream::StreamParameters parameters = stream_parameters(options_, schedule_);
  const int frames = options_.frame_buffer_size;
  if (options_.use_denoising_batch) {
    const stream::RowLayout layout{static_cast<int>(parameters.steps.size()), frames,
                                   *options_.cfg_type};
    batch_.emplace(layout, latent_, parameters);
  } else {
    sequential_.emplace(frames, *options_.cfg_type, latent_, parameters);
  }
  filter_.configure(options_.similar_image_filter_threshold,
                    options_.similar_image_filter_max_skip_frame);
  make_parts();
  entering_.resize(static_cast<std::size_t>(frames));
  leaving_.resize(static_cast<std::size_t>(frames));
  finished_.resize(static_cast<std::size_t>(frames) * latent_.size());
  fresh_.resize(finished_.size());
  dense_frame_.resize(static_cast<std::size_t>(*options_.width) *
                      static_cast<std::size_t>(*options_.height) * 3);
  set_prompts({{engine_->model.sample_prompt(), 1.0F}}, PromptInterpolation::linear);
  set_negative_prompt(engine_->model.sample_negative_prompt());
}

void Session::Impl::make_parts() {
  const stream::RowLayout& layout = batch_ ? batch_->layout() : sequential_->layout();
  const session::ImagePlan image{options_.frame_buffer_size, *options_.height, *options_.width,
                                 false};
  session::ImagePlan decoded = image;
  decoded.image = options_.keep_tensors;
  const auto part = [](session::SharedExecutable executable) {
    auto state = executable->make_state();
    return Part{std::move(executable), std::move(state)};
  };
  if (!options_.text_to_image) encoder_ = part(engine_->plans.encoder(image));
  unet_ = part(engine_->plans.unet({*options_.height, *options_.width, layout.prompts(),
                                    layout.prompt_of_row(), options_.parallel}));
  decoder_ = part(engine_->plans.decoder(decoded));
}

void Session::Impl::set_prompts(const std::vector<WeightedPrompt>& prompts,
                                PromptInterpolation how) {
  params::check_prompts(prompts);
  std::vector<session::Embedding> kept;
  std::vector<stream::WeightedEmbedding> embeddings;
  for (const WeightedPrompt& prompt : prompts) {
    kept.push_back(engine_->prompts.encode(prompt.text));
    embeddings.push_back({*kept.back(), prompt.weight});
  }
  prompt_ = stream::blend(embeddings, how);
  prompts_changed_ = true;
}

void Session::Impl::set_negative_prompt(const std::string& prompt) {
  params::check(LiveSettings{.negative_prompt = prompt});
  negative_ = engine_->prompts.encode(prompt);
  prompts_changed_ = true;
}

void Session::Impl::set_parameters(const std::function<void(stream::StreamParameters&)>& change) {
  stream::StreamParameters parameters = batch_ ? batch_->parameters() : sequential_->parameters();
  change(parameters);
  params::check(SessionOptions{.guidance_scale = parameters.guidance_scale,
                               .delta = parameters.delta,
                               .seed = parameters.seed});
  batch_ ? batch_->set(parameters) : sequential_->set(parameters);
}

void Session::Impl::set_t_index_list(const std::vector<int>& t_index_list) {
  set_parameters([&](stream::StreamParameters& parameters) {
    parameters.steps = schedule_.steps(t_index_list, *options_.num_inference_steps);
  });
  options_.t_index_list = t_index_list;
  timesteps_.clear();
}

void Session::Impl::set_filter(bool enabled, float threshold, int max_skip_frame) {
  params::check(SessionOptions{.similar_image_filter_threshold = threshold,
                               .similar_image_filter_max_skip_frame = max_skip_frame});
  filter_.configure(threshold, max_skip_frame);
  if (enabled && !options_.enable_similar_image_filter) filter_.reset();
  options_.enable_similar_image_filter = enabled;
}

void Session::Impl::check_frame(const ImageView& frame) const {
  base::require(!options_.text_to_image, ErrorCode::invalid_argument,
                "this session draws from text alone; use generate()");
  base::require(
      frame.data != nullptr && frame.width == *options_.width && frame.height == *options_.height,
      ErrorCode::invalid_argument, "the frame is ", frame.width, "x", frame.height,
      ", the session ", *options_.width, "x", *options_.height, "; fit the frame first");
  base::require(frame.stride >= std::ptrdiff_t{3} * frame.width, ErrorCode::invalid_argument,
                "the frame's stride is ", frame.stride, " bytes, expected at least ",
                3 * frame.width);
}

void Session::Impl::push(ImageView frame) {
  check_frame(frame);
  const std::uint64_t id = next_id_++;
  if (options_.enable_similar_image_filter && reuse(frame)) {
    under_way_.push_back({id, true});
    ++times_.skipped;
    return release_skipped();
  }
  copy_pixels(frame, gathered_);
  under_way_.push_back({id, false});
  entering_[static_cast<std::size_t>(gathered_++)] = id;
  if (gathered_ == options_.frame_buffer_size) run_batch();
}

/// True if the filter says that the last image will do for this frame, and there is one.
bool Session::Impl::reuse(const ImageView& frame) {
  const std::size_t row = static_cast<std::size_t>(frame.width) * 3;
  for (int y = 0; y < frame.height; ++y) {
    std::memcpy(dense_frame_.data() + static_cast<std::size_t>(y) * row,
                frame.data + y * frame.stride, row);
  }
  return !filter_.process(dense_frame_) && last_.has_value();
}

void Session::Impl::copy_pixels(const ImageView& frame, int slot) {
  const Stopwatch watch(times_.other);
  const tensor::View pixels = encoder_.state->input("pixels").rows(slot, 1);
  const std::size_t row = static_cast<std::size_t>(frame.width) * 3;
  for (int y = 0; y < frame.height; ++y) {
    std::memcpy(pixels.as<std::uint8_t>() + static_cast<std::size_t>(y) * row,
                frame.data + y * frame.stride, row);
  }
}

void Session::Impl::generate() {
  base::require(options_.text_to_image, ErrorCode::invalid_argument,
                "this session follows images; set text_to_image to draw from text alone");
  draw_noise(
      {fresh_.data() + static_cast<std::size_t>(gathered_) * latent_.size(), latent_.size()});
  under_way_.push_back({next_id_, false});
  entering_[static_cast<std::size_t>(gathered_++)] = next_id_++;
  if (gathered_ == options_.frame_buffer_size) run_batch();
}

void Session::Impl::draw_noise(std::span<float> out) {
  stream::randn_nhwc(text_to_image_noise_, 1, latent_.c, latent_.h, latent_.w, out);
}

void Session::Impl::run_batch() {
  gathered_ = 0;
  const base::Turn turn(engine_->turns);
  try {
    run_stages();
  } catch (...) {
    forget_lost();
    throw;
  }
}

void Session::Impl::run_stages() {
  const bool from_noise = options_.text_to_image;
  const bool any = std::any_of(entering_.begin(), entering_.end(),
                               [](const auto& id) { return id.has_value(); });
  if (!from_noise && any) {
    const Stopwatch watch(times_.encode);
    encoder_.run(Lifetime::per_frame);
    check_encoded(encoder_.output("latents"));
  }
  const std::span<const float> latents =
      from_noise ? std::span<const float>(fresh_) : encoder_.output("latents");
  refresh_prompts();
  for (const stream::FrameId& id : entering_) times_.frames += id.has_value();
  batch_ ? run_stream_batch(from_noise, latents) : run_sequential(from_noise, latents);
}

void Session::Impl::forget_lost() {
  std::erase_if(under_way_, [&](const UnderWay& frame) {
    return !frame.skipped && !(batch_ && batch_->waiting(frame.id));
  });
  release_skipped();
}

/// Frames that the autoencoder cannot encode are given up; the stream goes on without them.
void Session::Impl::check_encoded(std::span<const float> latents) {
  if (std::all_of(latents.begin(), latents.end(), [](float v) { return std::isfinite(v); })) return;
  const std::uint64_t first = **std::find_if(entering_.begin(), entering_.end(),
                                             [](const auto& id) { return id.has_value(); });
  std::fill(entering_.begin(), entering_.end(), stream::FrameId());
  base::fail(ErrorCode::numeric, "the autoencoder's latents of frame ", first,
             " are not finite; it is given up");
}

void Session::Impl::run_stream_batch(bool from_noise, std::span<const float> latents) {
  std::fill(leaving_.begin(), leaving_.end(), stream::FrameId());
  try {
    const Stopwatch watch(times_.unet);
    refresh_timesteps();
    const std::span<float> rows = unet_.input("latents");
    from_noise ? batch_->enter_noise(latents, entering_, rows)
               : batch_->enter(latents, entering_, rows);
    std::fill(entering_.begin(), entering_.end(), stream::FrameId());
    unet_.run(Lifetime::per_frame);
    batch_->leave(unet_.output("prediction"), finished_, leaving_);
  } catch (const base::Error&) {  // one frame is given up; the others go on
    deliver(finished_, leaving_);
    throw;
  }
  deliver(finished_, leaving_);
}

void Session::Impl::run_sequential(bool from_noise, std::span<const float> latents) {
  leaving_ = entering_;
  std::fill(entering_.begin(), entering_.end(), stream::FrameId());
  {
    const Stopwatch watch(times_.unet);
    from_noise ? sequential_->begin_noise(latents) : sequential_->begin(latents);
    for (int step = 0; step < sequential_->steps(); ++step) {
      sequential_->enter(step, unet_.input("latents"), unet_.input("timesteps"));
      unet_.run(Lifetime::per_schedule);
      unet_.run(Lifetime::per_frame);
      sequential_->leave(step, unet_.output("prediction"));
    }
  }
  deliver(sequential_->result(), leaving_);
}

void Session::Impl::refresh_timesteps() {
  if (!timesteps_.empty()) return;
  timesteps_.resize(static_cast<std::size_t>(batch_->layout().unet_rows()));
  batch_->timesteps(timesteps_);
  std::copy(timesteps_.begin(), timesteps_.end(), unet_.input("timesteps").begin());
  unet_.run(Lifetime::per_schedule);
}

void Session::Impl::refresh_prompts() {
  if (!prompts_changed_) return;
  const std::span<float> context = unet_.input("context");
  std::copy(prompt_.begin(), prompt_.end(), context.begin());
  if (context.size() > prompt_.size()) {
    std::copy(negative_->begin(), negative_->end(),
              context.begin() + static_cast<std::ptrdiff_t>(prompt_.size()));
  }
  unet_.run(Lifetime::per_prompt);
  prompts_changed_ = false;
}

void Session::Impl::deliver(std::span<const float> latents, std::span<const stream::FrameId> ids) {
  if (std::none_of(ids.begin(), ids.end(), [](const auto& id) { return id.has_value(); })) return;
  const Stopwatch watch(times_.decode);
  std::copy(latents.begin(), latents.end(), decoder_.input("latents").begin());
  decoder_.run(Lifetime::per_frame);
  for (std::size_t slot = 0; slot < ids.size(); ++slot) {
    if (!ids[slot]) continue;
    ready_.push_back(make_output(static_cast<int>(slot), *ids[slot]));
    under_way_.pop_front();
    if (options_.enable_similar_image_filter) last_ = ready_.back();
    release_skipped();
  }
}

void Session::Impl::release_skipped() {
  while (!under_way_.empty() && under_way_.front().skipped) {
    Output output = *last_;
    output.frame_id = under_way_.front().id;
    output.reused = true;
    ready_.push_back(std::move(output));
    under_way_.pop_front();
  }
}

/// [h, w, c] to [c, h, w].
static std::vector<float> planes(const tensor::View& view) {
  const tensor::Shape& s = view.desc.shape;
  std::vector<float> out(static_cast<std::size_t>(s.elements()));
  const auto* from = view.as<float>();
  for (std::int64_t i = 0; i < s.tokens(); ++i) {
    for (std::int64_t c = 0; c < s.c; ++c)
      out[static_cast<std::size_t>(c * s.tokens() + i)] = from[i * s.c + c];
  }
  return out;
}

Output Session::Impl::make_output(int slot, std::uint64_t id) const {
  Output output;
  const tensor::View pixels = decoder_.state->output("pixels").rows(slot, 1);
  const auto* bytes = pixels.as<std::uint8_t>();
  output.image = {*options_.width, *options_.height, {bytes, bytes + pixels.desc.bytes()}};
  output.frame_id = id;
  if (options_.keep_tensors) {
    output.latents = planes(decoder_.state->input("latents").rows(slot, 1));
    output.pixels = planes(decoder_.state->output("image").rows(slot, 1));
  }
  return output;
}

void Session::Impl::advance() {
  if (gathered_ > 0 || (batch_ && batch_->waiting())) run_batch();
}

void Session::Impl::flush() {
  while (!under_way_.empty()) advance();
}

std::vector<std::uint64_t> Session::Impl::under_way() const {
  std::vector<std::uint64_t> ids;
  for (const UnderWay& frame : under_way_) ids.push_back(frame.id);
  return ids;
}

std::optional<Output> Session::Impl::pop() {
  if (ready_.empty()) return std::nullopt;
  Output output = std::move(ready_.front());
  ready_.pop_front();
  return output;
}

std::vector<Output> Session::Impl::pop_all() {
  std::vector<Output> outputs;
  while (auto output = pop()) outputs.push_back(std::move(*output));
  return outputs;
}

std::string Session::Impl::description() const {
  std::string steps;
  for (const int place : options_.t_index_list)
    steps += (steps.empty() ? "" : ",") + std::to_string(place);
  const stream::StreamParameters& p = batch_ ? batch_->parameters() : sequential_->parameters();
  const std::string guidance = name_of(kCfgTypes, *options_.cfg_type);
  const Parallel parallel = unet_.executable->lanes() > 1 ? Parallel::rows : Parallel::ops;
  return base::concat(*options_.width, "x", *options_.height, "  t ", steps, "  ", guidance, " ",
                      p.guidance_scale, "  parallel ", name_of(kParallels, parallel));
}

void Session::Impl::for_each_plan(
    const std::function<void(const std::string&, const backend::Executable&)>& visit) const {
  const std::array<std::pair<const char*, const Part*>, 3> parts{
      {{"encode", &encoder_}, {"unet", &unet_}, {"decode", &decoder_}}};
  for (const auto& [stage, part] : parts) {
    if (part->executable) visit(stage, *part->executable);
  }
}

}  // namespace streamdiffusion
