#include "live/stream.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "image/resize.h"

namespace streamdiffusion::live {
namespace {

/// Every frame comes out with its output as the tag: finished, or failed.
Step sorted(std::vector<Output> outputs) {
  Step step;
  const auto now = LiveClock::now();
  for (Output& output : outputs) {
    if (output.error) {
      step.failed.push_back({output.frame_id, *output.error});
      continue;
    }
    auto finished = std::any_cast<LiveOutput>(std::move(output.tag));
    finished.image = std::make_shared<const Image>(std::move(output.image));
    finished.reused = output.reused;
    finished.finished = now;
    step.finished.push_back(std::move(finished));
  }
  return step;
}

}  // namespace

bool same_plan(const SessionOptions& a, const SessionOptions& b) {
  return a.width == b.width && a.height == b.height &&
         a.t_index_list.size() == b.t_index_list.size() &&
         a.num_inference_steps == b.num_inference_steps && a.cfg_type == b.cfg_type &&
         a.text_to_image == b.text_to_image && a.do_add_noise == b.do_add_noise &&
         a.use_denoising_batch == b.use_denoising_batch &&
         a.frame_buffer_size == b.frame_buffer_size && a.parallel == b.parallel &&
         a.keep_tensors == b.keep_tensors;
}

Stream::Stream(Engine& engine, const LiveSettings& settings)
    : session_(engine.session(settings.options)), settings_(settings) {
  session_.set_negative_prompt(*settings.negative_prompt);
}

void Stream::apply(const LiveSettings& settings) {
  const SessionOptions &now = settings_.options, &wanted = settings.options;
  if (wanted.t_index_list != now.t_index_list) session_.set_t_index_list(wanted.t_index_list);
  if (wanted.guidance_scale != now.guidance_scale) {
    session_.set_guidance_scale(*wanted.guidance_scale);
  }
  if (wanted.delta != now.delta) session_.set_delta(*wanted.delta);
  if (wanted.seed != now.seed) session_.set_seed(wanted.seed);
  if (settings.negative_prompt != settings_.negative_prompt) {
    session_.set_negative_prompt(*settings.negative_prompt);
  }
  session_.set_similar_image_filter(wanted.enable_similar_image_filter,
                                    wanted.similar_image_filter_threshold,
                                    wanted.similar_image_filter_max_skip_frame);
  settings_ = settings;
}

void Stream::set_prompts(const std::vector<WeightedPrompt>& prompts) {
  session_.set_prompts(prompts, settings_.interpolation);
}

Step Stream::enter(Frame frame) {
  const std::uint64_t id = frame.output.frame_id;
  const auto refused = [&](const Error& error) {
    Step step;
    step.failed.push_back({id, error});
    return step;
  };
  try {
    return sorted(process(std::move(frame)));
  } catch (const Error& error) {
    return refused(error);
  } catch (const std::exception& error) {
    return refused(Error(ErrorCode::internal, error.what()));
  }
}

std::vector<Output> Stream::process(Frame frame) {
  const std::uint64_t id = frame.output.frame_id;
  frame.output.entered = LiveClock::now();
  if (settings_.options.text_to_image) return session_.generate(id, std::move(frame.output));
  base::require(!frame.image.rgb.empty(), ErrorCode::invalid_argument,
                "a frame without an image, and this session follows images");
  const int width = session_.width(), height = session_.height();
  if (frame.image.width != width || frame.image.height != height)
    frame.image = image::fit(frame.image, width, height, settings_.fit);
  return session_.process(frame.image, id, std::move(frame.output));
}

Step Stream::advance() {
  return sorted(session_.advance());
}

void Step::append(Step more) {
  std::move(more.finished.begin(), more.finished.end(), std::back_inserter(finished));
  std::move(more.failed.begin(), more.failed.end(), std::back_inserter(failed));
}

}  // namespace streamdiffusion::live
