#include "live/active_session.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "base/error.h"
#include "image/resize.h"

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

/// Prompts are encoded before the UNet is read, so that released text encoders are read once.
Session open_session(Engine& engine, const LiveSettings& settings, std::stop_token stop) {
  const std::vector<float>& scales = settings.options.lora_scales;
  for (const WeightedPrompt& prompt : settings.prompts) engine.encode_prompt(prompt.text, scales);
  if (settings.negative_prompt) engine.encode_prompt(*settings.negative_prompt, scales);
  return engine.session(settings.options, std::move(stop));
}

}  // namespace

ActiveSession::ActiveSession(Engine& engine, const LiveSettings& settings, std::stop_token stop)
    : session_(open_session(engine, settings, std::move(stop))), settings_(settings) {
  if (settings.negative_prompt) session_.set_negative_prompt(*settings.negative_prompt);
}

void ActiveSession::apply(const LiveSettings& settings) {
  const SessionOptions &now = settings_.options, &wanted = settings.options;
  const auto schedule = [](const SessionOptions& o) {
    return std::tie(o.scheduler, o.eta, o.timestep_spacing, o.num_inference_steps, o.timesteps,
                    o.t_index_list);
  };
  if (schedule(wanted) != schedule(now)) session_.set_schedule(wanted);
  if (wanted.guidance_scale != now.guidance_scale) {
    session_.set_guidance_scale(*wanted.guidance_scale);
  }
  if (wanted.delta != now.delta) session_.set_delta(*wanted.delta);
  if (wanted.seed != now.seed) session_.set_seed(wanted.seed);
  if (wanted.lora_scales != now.lora_scales) session_.set_lora_scales(wanted.lora_scales);
  if (wanted.control_settings != now.control_settings) {
    session_.set_control_settings(wanted.control_settings);
  }
  if (settings.negative_prompt && settings.negative_prompt != settings_.negative_prompt) {
    session_.set_negative_prompt(*settings.negative_prompt);
  }
  session_.set_similar_image_filter(wanted.enable_similar_image_filter,
                                    wanted.similar_image_filter_threshold,
                                    wanted.similar_image_filter_max_skip_frame);
  settings_ = settings;
}

void ActiveSession::set_prompts(const std::vector<WeightedPrompt>& prompts) {
  session_.set_prompts(prompts, settings_.interpolation);
}

EngineCallResult ActiveSession::enter(Frame frame) {
  const std::uint64_t id = frame.output.frame_id;
  const auto refused = [&](const Error& error) {
    EngineCallResult result;
    result.failed.push_back({id, error});
    return result;
  };
  try {
    return result_of(process(std::move(frame)));
  } catch (const Error& error) {
    return refused(error);
  } catch (const std::exception& error) {
    return refused(Error(ErrorCode::internal, error.what()));
  }
}

std::vector<Output> ActiveSession::process(Frame frame) {
  const std::uint64_t id = frame.output.frame_id;
  frame.output.entered = LiveClock::now();
  if (settings_.options.text_to_image) return session_.generate(id, std::move(frame.output));
  if (frame.borrowed) return session_.process(*frame.borrowed, id, std::move(frame.output));
  base::require(!frame.image.rgb.empty(), ErrorCode::invalid_argument,
                "a frame without an image, and this session follows images");
  const int width = session_.width(), height = session_.height();
  if (frame.image.width != width || frame.image.height != height)
    frame.image = image::fit(frame.image, width, height, settings_.fit);
  return session_.process(frame.image, id, std::move(frame.output));
}

EngineCallResult ActiveSession::advance() {
  return result_of(session_.advance());
}

void EngineCallResult::append(EngineCallResult more) {
  std::move(more.finished.begin(), more.finished.end(), std::back_inserter(finished));
  std::move(more.failed.begin(), more.failed.end(), std::back_inserter(failed));
}

}  // namespace streamdiffusion::live
