#include "live/stream.h"

#include <algorithm>
#include <iterator>

#include "image/resize.h"

namespace streamdiffusion::live {

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
  const bool from_text = settings_.options.text_to_image;
  const int width = session_.width(), height = session_.height();
  if (!from_text && frame.image.rgb.empty()) {
    Step step;
    step.error = Error(ErrorCode::invalid_argument,
                       "a frame without an image, and this session follows images");
    step.lost.push_back(std::move(frame));
    return step;
  }
  if (!from_text && (frame.image.width != width || frame.image.height != height)) {
    frame.image = image::fit(frame.image, width, height, settings_.fit);
  }
  frame.output.entered = LiveClock::now();
  under_way_.push_back({next_id_++, std::move(frame)});
  const Image& image = under_way_.back().frame.image;
  return call([&] {
    std::vector<Output> outputs;
    if (auto output = from_text ? session_.generate() : session_.process(image)) {
      outputs.push_back(std::move(*output));
    }
    return outputs;
  });
}

Step Stream::advance() {
  return call([&] { return session_.advance(); });
}

Step Stream::call(const std::function<std::vector<Output>()>& run) {
  Step step;
  std::vector<Output> outputs;
  try {
    outputs = run();
  } catch (const Error& error) {
    step.error = error;
  } catch (const std::exception& error) {
    step.error = Error(ErrorCode::internal, error.what());
  }
  for (Output& output : session_.take_ready()) outputs.push_back(std::move(output));
  sort(std::move(outputs), step);
  return step;
}

/// Every frame under way is finished, still waiting in the session, or lost.
void Stream::sort(std::vector<Output> outputs, Step& step) {
  const std::vector<std::uint64_t> waiting = session_.under_way();
  const auto now = LiveClock::now();
  auto next = outputs.begin();
  std::erase_if(under_way_, [&](UnderWay& entry) {
    if (next != outputs.end() && next->frame_id == entry.id) {
      LiveOutput& out = entry.frame.output;
      out.image = std::make_shared<const Image>(std::move(next->image));
      out.reused = next->reused;
      out.finished = now;
      entry.frame.image = {};
      ++next;
      step.finished.push_back(std::move(entry.frame));
      return true;
    }
    if (std::binary_search(waiting.begin(), waiting.end(), entry.id)) return false;
    step.lost.push_back(std::move(entry.frame));
    return true;
  });
}

void Step::append(Step more) {
  std::move(more.finished.begin(), more.finished.end(), std::back_inserter(finished));
  std::move(more.lost.begin(), more.lost.end(), std::back_inserter(lost));
  if (!error) error = std::move(more.error);
}

}  // namespace streamdiffusion::live
