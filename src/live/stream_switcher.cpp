#include "live/stream_switcher.h"

#include <algorithm>

#include "base/error.h"

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
    : targets_{BlendTransition(settings.prompts), BlendTransition(settings.options.seeds()), false,
               false, settings} {
  session->set_prompts(settings.prompts);
  sessions_.push_back(std::move(session));
}

void StreamSwitcher::switch_to(std::unique_ptr<ActiveSession> session,
                               const LiveSettings& settings) {
  Targets targets = targets_of(settings);
  targets.prompts_change = targets.seeds_change = true;
  session->apply(settings);
  sessions_.push_back(std::move(session));
  targets_ = std::move(targets);
  ++prompt_changes_;
  drop_drained();
}

void StreamSwitcher::apply(const LiveSettings& settings) {
  Targets targets = targets_of(settings);
  sessions_.back()->apply(settings);
  targets_ = std::move(targets);
  ++prompt_changes_;
}

StreamSwitcher::Targets StreamSwitcher::targets_of(const LiveSettings& settings) const {
  Targets targets = targets_;
  const auto now = LiveClock::now();
  if (!same(settings.prompts, targets.settings.prompts) ||
      settings.interpolation != targets.settings.interpolation) {
    targets.prompts.start(settings.prompts, settings.transition_seconds, now);
    targets.prompts_change = true;
  }
  const SessionOptions &wanted = settings.options, &before = targets.settings.options;
  if (wanted.seeds() != before.seeds() || wanted.seed_interpolation != before.seed_interpolation) {
    targets.seeds.start(wanted.seeds(), settings.transition_seconds, now);
    targets.seeds_change = true;
  }
  targets.settings = settings;
  return targets;
}

void StreamSwitcher::advance_transitions() {
  const auto now = LiveClock::now();
  Targets& t = targets_;
  if (t.prompts_change) sessions_.back()->set_prompts(t.prompts.at(now));
  if (t.seeds_change) sessions_.back()->set_seeds(t.seeds.at(now));
  if (t.prompts_change && !t.prompts.running(now)) {
    t.prompts_change = false;
    ++prompt_changes_;
  }
  t.seeds_change = t.seeds_change && t.seeds.running(now);
}

void StreamSwitcher::set_prompts_of(const Frame& frame) {
  if (!frame.prompts || frame.prompts == frame_prompts_) return;
  targets_.prompts.start(*frame.prompts, 0, LiveClock::now());
  targets_.prompts_change = true;
  ++prompt_changes_;
  frame_prompts_ = frame.prompts;
}

std::vector<WeightedPrompt> StreamSwitcher::blended_prompts() const {
  std::vector<WeightedPrompt> prompts = targets_.prompts.to();
  const std::vector<WeightedPrompt>& from = targets_.prompts.from();
  if (targets_.prompts_change) prompts.insert(prompts.end(), from.begin(), from.end());
  return prompts;
}

EngineCallResult StreamSwitcher::enter(Frame frame) {
  EngineCallResult result;
  if (sessions_.size() > 1) result = sessions_.front()->advance();
  try {
    set_prompts_of(frame);
    advance_transitions();
  } catch (const std::exception& error) {  // never drawn with other prompts
    result.failed.push_back({frame.output.frame_id, base::error_from(error)});
    drop_drained();
    return result;
  }
  return in_order(std::move(result), sessions_.back()->enter(std::move(frame)));
}

EngineCallResult StreamSwitcher::wait() {
  return in_order({}, sessions_.back()->wait());
}

EngineCallResult StreamSwitcher::in_order(EngineCallResult older, EngineCallResult newer) {
  while (!newer.finished.empty() && sessions_.size() > 1) {
    older.append(sessions_.front()->advance());
    drop_drained();
  }
  older.append(std::move(newer));
  drop_drained();
  return older;
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
