#include "live/stream_switcher.h"

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

StreamSwitcher::StreamSwitcher(std::unique_ptr<ActiveSession> session, const LiveSettings& settings)
    : transition_(settings.prompts), settings_(settings) {
  session->set_prompts(settings.prompts);
  sessions_.push_back(std::move(session));
}

void StreamSwitcher::switch_to(std::unique_ptr<ActiveSession> session,
                               const LiveSettings& settings) {
  set_target_prompts(settings);
  in_transition_ = true;
  sessions_.push_back(std::move(session));
  sessions_.back()->apply(settings);
  drop_drained();
}

void StreamSwitcher::apply(const LiveSettings& settings) {
  set_target_prompts(settings);
  sessions_.back()->apply(settings);
}

void StreamSwitcher::set_target_prompts(const LiveSettings& settings) {
  if (!same(settings.prompts, settings_.prompts) ||
      settings.interpolation != settings_.interpolation) {
    transition_.start(settings.prompts, settings.transition_seconds, LiveClock::now());
    in_transition_ = true;
  }
  settings_ = settings;
}

void StreamSwitcher::advance_transition() {
  if (!in_transition_) return;
  const auto now = LiveClock::now();
  sessions_.back()->set_prompts(transition_.at(now));
  in_transition_ = transition_.running(now);
}

EngineCallResult StreamSwitcher::enter(Frame frame) {
  advance_transition();
  EngineCallResult result;
  if (sessions_.size() > 1) result = sessions_.front()->advance();
  EngineCallResult newer = sessions_.back()->enter(std::move(frame));
  while (!newer.finished.empty() && sessions_.size() > 1) {  // the older frames come first
    result.append(sessions_.front()->advance());
    drop_drained();
  }
  result.append(std::move(newer));
  drop_drained();
  return result;
}

EngineCallResult StreamSwitcher::advance() {
  EngineCallResult result = sessions_.front()->advance();
  drop_drained();
  return result;
}

void StreamSwitcher::drop_drained() {
  while (sessions_.size() > 1 && sessions_.front()->in_flight() == 0) {
    dropped_times_ = sum(dropped_times_, sessions_.front()->times());
    sessions_.pop_front();
  }
}

std::size_t StreamSwitcher::in_flight() const {
  std::size_t count = 0;
  for (const auto& session : sessions_) count += session->in_flight();
  return count;
}

SessionTimes StreamSwitcher::times() const {
  SessionTimes total = dropped_times_;
  for (const auto& session : sessions_) total = sum(total, session->times());
  return total;
}

}  // namespace streamdiffusion::live
