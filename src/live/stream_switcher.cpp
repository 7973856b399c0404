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
    : prompts_(settings.prompts), seeds_(settings.options.seeds()), settings_(settings) {
  session->set_prompts(settings.prompts);
  sessions_.push_back(std::move(session));
}

void StreamSwitcher::switch_to(std::unique_ptr<ActiveSession> session,
                               const LiveSettings& settings) {
  set_targets(settings);
  prompts_change_ = seeds_change_ = true;
  sessions_.push_back(std::move(session));
  sessions_.back()->apply(settings);
  drop_drained();
}

void StreamSwitcher::apply(const LiveSettings& settings) {
  set_targets(settings);
  sessions_.back()->apply(settings);
}

void StreamSwitcher::set_targets(const LiveSettings& settings) {
  const auto now = LiveClock::now();
  if (!same(settings.prompts, settings_.prompts) ||
      settings.interpolation != settings_.interpolation) {
    prompts_.start(settings.prompts, settings.transition_seconds, now);
    prompts_change_ = true;
  }
  const SessionOptions &wanted = settings.options, &before = settings_.options;
  if (wanted.seeds() != before.seeds() || wanted.seed_interpolation != before.seed_interpolation) {
    seeds_.start(wanted.seeds(), settings.transition_seconds, now);
    seeds_change_ = true;
  }
  settings_ = settings;
}

void StreamSwitcher::advance_transitions() {
  const auto now = LiveClock::now();
  if (prompts_change_) sessions_.back()->set_prompts(prompts_.at(now));
  if (seeds_change_) sessions_.back()->set_seeds(seeds_.at(now));
  prompts_change_ = prompts_change_ && prompts_.running(now);
  seeds_change_ = seeds_change_ && seeds_.running(now);
}

void StreamSwitcher::set_prompts_of(const Frame& frame) {
  if (!frame.prompts || frame.prompts == frame_prompts_) return;
  prompts_.start(*frame.prompts, 0, LiveClock::now());
  prompts_change_ = true;
  frame_prompts_ = frame.prompts;
}

EngineCallResult StreamSwitcher::enter(Frame frame) {
  set_prompts_of(frame);
  advance_transitions();
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
