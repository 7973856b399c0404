#include "live/active_session.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "base/error.h"
#include "image/resize.h"
#include "live/encode_prompts.h"

namespace streamdiffusion::live {
namespace {

/// Takes the frames' LiveOutputs back out of the tags.
EngineCallResult result_of(std::vector<Output> outputs) {
  EngineCallResult result;
  const auto now = LiveClock::now();
  for (Output& output : outputs) {
    if (output.error) {
      result.failed.push_back({output.frame_id, *output.error});
      continue;
    }
    auto finished = std::any_cast<LiveOutput>(std::move(output.tag));
    finished.image = std::make_shared<const Image>(std::move(output.image));
    finished.reused = output.reused;
    finished.finished = now;
    result.finished.push_back(std::move(finished));
  }
  return result;
}

Session open_session(Engine& engine, const LiveSettings& settings, std::stop_token stop) {
  const EncodedPrompts encoded = encode_prompts(engine, settings);
  return engine.session(settings.options, std::move(stop));
}

}  // namespace

ActiveSession::ActiveSession(Engine& engine, const LiveSettings& settings, std::stop_token stop)
    : session_(open_session(engine, settings, std::move(stop))), settings_(settings) {
  if (settings.negative_prompt) session_.set_negative_prompt(*settings.negative_prompt);
  session_.set_overlap(true);
}

void ActiveSession::apply(const LiveSettings& settings) {
  try {
    set(settings_, settings);
  } catch (const std::exception& error) {
    const std::string problem = base::words_of(error);
    try {
      set(settings, settings_);
    } catch (const std::exception& second) {
      throw HalfChanged(base::concat(
          problem, "; and the settings before could not be set again: ", base::words_of(second)));
    }
    throw;
  }
  settings_ = settings;
}

void ActiveSession::set(const LiveSettings& before, const LiveSettings& after) {
  const SessionOptions &now = before.options, &wanted = after.options;
  const auto schedule = [](const SessionOptions& o) {
    return std::tie(o.scheduler, o.eta, o.timestep_spacing, o.num_inference_steps, o.timesteps,
                    o.t_index_list);
  };
  if (schedule(wanted) != schedule(now)) session_.set_schedule(wanted);
  if (wanted.guidance_scale != now.guidance_scale) {
    session_.set_guidance_scale(*wanted.guidance_scale);
  }
  if (wanted.delta != now.delta) session_.set_delta(*wanted.delta);
  session_.set_latent_feedback(wanted.latent_feedback);
  session_.set_cache_interval(wanted.cache_interval);
  session_.set_feature_injection(wanted.feature_injection_strength,
                                 wanted.feature_injection_threshold);
  if (wanted.lora_scales != now.lora_scales) session_.set_lora_scales(wanted.lora_scales);
  if (wanted.control_settings != now.control_settings) {
    session_.set_control_settings(wanted.control_settings);
  }
  if (wanted.image_prompts != now.image_prompts) session_.set_image_prompts(wanted.image_prompts);
  if (after.negative_prompt && after.negative_prompt != before.negative_prompt) {
    session_.set_negative_prompt(*after.negative_prompt);
  }
  session_.set_similar_image_filter(wanted.enable_similar_image_filter,
                                    wanted.similar_image_filter_threshold,
                                    wanted.similar_image_filter_max_skip_frame);
}

void ActiveSession::set_prompts(const std::vector<WeightedPrompt>& prompts) {
  session_.set_prompts(prompts, settings_.interpolation);
}

void ActiveSession::set_seeds(const std::vector<WeightedSeed>& seeds) {
  session_.set_seeds(seeds, settings_.options.seed_interpolation);
}

EngineCallResult ActiveSession::enter(Frame frame) {
  const std::uint64_t id = frame.output.frame_id;
  try {
    return result_of(process(std::move(frame)));
  } catch (const std::exception& error) {
    EngineCallResult result;
    result.failed.push_back({id, base::error_from(error)});
    return result;
  }
}

std::vector<Output> ActiveSession::process(Frame frame) {
  const std::uint64_t id = frame.output.frame_id;
  frame.output.entered = LiveClock::now();
  if (frame.borrowed) return session_.process(*frame.borrowed, id, std::move(frame.output));
  const int width = session_.width(), height = session_.height();
  const bool has_image = !frame.image.rgb.empty();
  const std::vector<ControlSettings>& nets = settings_.options.control_settings;
  const bool has_source = !frame.control_source.rgb.empty();
  for (Image* image : {&frame.image, &frame.control_source}) {
    if (image->rgb.empty() || (image->width == width && image->height == height)) continue;
    *image = image::fit(*image, width, height, settings_.fit);
    frame.control_images.clear();  // they had the size that was in force then
  }
  // The settings may be others than when the frame was prepared.
  if (has_source || has_image) {
    make_control_images(has_source ? frame.control_source : frame.image, !has_source, nets,
                        frame.control_images);
  }
  const std::vector<ImageView> images = views_of(frame.control_images, frame.image);
  if (settings_.options.text_to_image)
    return session_.generate(images, id, std::move(frame.output));
  base::require(has_image, ErrorCode::invalid_argument,
                "a frame without an image, and this session follows images");
  return session_.process(frame.image, images, id, std::move(frame.output));
}

EngineCallResult ActiveSession::wait() {
  return result_of(session_.wait());
}

EngineCallResult ActiveSession::advance() {
  return result_of(session_.advance());
}

void EngineCallResult::append(EngineCallResult more) {
  std::move(more.finished.begin(), more.finished.end(), std::back_inserter(finished));
  std::move(more.failed.begin(), more.failed.end(), std::back_inserter(failed));
}

}  // namespace streamdiffusion::live
