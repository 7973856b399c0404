// What a session's stream takes of the device.
#include "server/sessions/client_session.h"

namespace streamdiffusion::server {
namespace {

double frame_seconds(const StreamModel& model, const Parameters& parameters) {
  const StreamFactory& factory = *model.factory;
  return factory.frame_seconds(factory.with_defaults(parameters.live.options));
}

}  // namespace

void ClientSession::check_start() const {
  const StreamFactory& factory = *model_->factory;
  context_.admission.check(this, factory, factory.with_defaults(parameters_.live.options), 503);
}

/// What takes no more than before is never refused, though others may have become heavier.
void ClientSession::check_change(const StreamModel& model, const Parameters& next) const {
  if (!context_.admission.by_cost()) return;
  if (frame_seconds(model, next) <= frame_seconds(*model_, parameters_)) return;
  const StreamFactory& factory = *model.factory;
  const SessionOptions options = factory.with_defaults(next.live.options);
  if (state_ == State::waiting) {
    context_.admission.check_alone(this, factory, options);
  } else {
    context_.admission.check(this, factory, options, 409);
  }
}

Admission::Room ClientSession::room() const {
  const StreamFactory& factory = *model_->factory;
  return context_.admission.room(this, factory, factory.with_defaults(parameters_.live.options));
}

/// A change that costs the same leaves what was measured.
void ClientSession::set_load() {
  if (state_ == State::waiting || !context_.admission.by_cost()) return;
  const double seconds = frame_seconds(*model_, parameters_);
  if (std::exchange(predicted_seconds_, seconds) == seconds) return;
  context_.admission.set(this, seconds);
  if (stream_) times_then_ = stream_->times();
}

void ClientSession::measure_load() {
  if (!context_.admission.by_cost()) return;
  constexpr std::uint64_t kFrames = 3;  // fewer say little
  const SessionTimes now = stream_->times();
  if (reconfiguring_ || now.frames < times_then_.frames) times_then_ = now;
  const std::uint64_t frames = now.frames - times_then_.frames;
  if (frames < kFrames) return;
  const auto seconds = [](const SessionTimes& t) { return t.encode + t.unet + t.decode; };
  context_.admission.measured(this,
                              (seconds(now) - seconds(times_then_)) / static_cast<double>(frames));
  times_then_ = now;
}

}  // namespace streamdiffusion::server
