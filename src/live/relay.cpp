#include "live/relay.h"

#include <algorithm>

namespace streamdiffusion::live {
namespace {

SessionTimes sum(const SessionTimes& a, const SessionTimes& b) {
  return {.encode = a.encode + b.encode,
          .unet = a.unet + b.unet,
          .decode = a.decode + b.decode,
          .other = a.other + b.other,
          .frames = a.frames + b.frames,
          .skipped = a.skipped + b.skipped};
}

bool same(const std::vector<WeightedPrompt>& a, const std::vector<WeightedPrompt>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.text == y.text && x.weight == y.weight;
  });
}

}  // namespace

Relay::Relay(std::unique_ptr<Stream> stream, const LiveSettings& settings)
    : motion_(settings.prompts), settings_(settings) {
  stream->set_prompts(settings.prompts);
  streams_.push_back(std::move(stream));
}

void Relay::hand_over(std::unique_ptr<Stream> stream, const LiveSettings& settings) {
  aim_prompts(settings);
  moving_ = true;
  streams_.push_back(std::move(stream));
  streams_.back()->apply(settings);
  retire();
}

void Relay::apply(const LiveSettings& settings) {
  aim_prompts(settings);
  streams_.back()->apply(settings);
}

void Relay::aim_prompts(const LiveSettings& settings) {
  if (!same(settings.prompts, settings_.prompts) ||
      settings.interpolation != settings_.interpolation) {
    motion_.move_to(settings.prompts, settings.transition_seconds, LiveClock::now());
    moving_ = true;
  }
  settings_ = settings;
}

void Relay::move_prompts() {
  if (!moving_) return;
  const auto now = LiveClock::now();
  streams_.back()->set_prompts(motion_.at(now));
  moving_ = motion_.moving(now);
}

Step Relay::enter(Frame frame) {
  move_prompts();
  Step step;
  if (streams_.size() > 1) step = streams_.front()->advance();
  Step young = streams_.back()->enter(std::move(frame));
  while (!young.finished.empty() && streams_.size() > 1) {  // the older frames come first
    step.append(streams_.front()->advance());
    retire();
  }
  step.append(std::move(young));
  retire();
  return step;
}

Step Relay::advance() {
  Step step = streams_.front()->advance();
  retire();
  return step;
}

void Relay::retire() {
  while (streams_.size() > 1 && streams_.front()->in_flight() == 0) {
    retired_ = sum(retired_, streams_.front()->times());
    streams_.pop_front();
  }
}

std::size_t Relay::in_flight() const {
  std::size_t count = 0;
  for (const auto& stream : streams_) count += stream->in_flight();
  return count;
}

SessionTimes Relay::times() const {
  SessionTimes total = retired_;
  for (const auto& stream : streams_) total = sum(total, stream->times());
  return total;
}

}  // namespace streamdiffusion::live
