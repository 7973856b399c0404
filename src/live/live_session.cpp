// The public LiveSession: forwards to its implementation.
#include "base/error.h"
#include "live/complete_settings.h"
#include "live/live_session_impl.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion {
namespace {

constexpr int kDeepest = 1024;

QueuePolicy checked(QueuePolicy policy) {
  base::require(policy.depth >= 1 && policy.depth <= kDeepest, ErrorCode::invalid_argument,
                "the queues' depth is ", policy.depth, ", expected 1..", kDeepest);
  return policy;
}

}  // namespace

double LiveOutput::age() const {
  return std::chrono::duration<double>(LiveClock::now() - captured).count();
}

LiveSession::LiveSession(Engine engine, const LiveSettings& settings, QueuePolicy policy,
                         LiveCallbacks callbacks, std::stop_token stop)
    : impl_(std::make_shared<Impl>(engine, engine.impl_, live::complete(engine, settings),
                                   checked(policy), std::move(callbacks), std::move(stop))) {
  impl_->start();
}

LiveSession::~LiveSession() {
  impl_->stop();
}

std::optional<std::uint64_t> LiveSession::submit(LiveFrame frame) {
  return impl_->submit(std::move(frame));
}
void LiveSession::pause() {
  impl_->set_paused(true);
}
void LiveSession::resume() {
  impl_->set_paused(false);
}
void LiveSession::close() {
  impl_->close();
}
void LiveSession::drain() {
  impl_->drain();
}
void LiveSession::halt() {
  impl_->halt();
}
void LiveSession::stop() {
  impl_->stop();
}
std::uint64_t LiveSession::change(const LiveSettings& settings) {
  return change(impl_->engine(), settings);
}
std::uint64_t LiveSession::change(Engine engine, const LiveSettings& settings) {
  return impl_->change(engine, live::complete(engine, settings));
}
LiveChanges LiveSession::changes() const {
  return impl_->changes();
}
LiveSettings LiveSession::settings() const {
  return impl_->settings();
}
Engine LiveSession::engine() const {
  return impl_->engine();
}
bool LiveSession::reconfiguring() const {
  return impl_->reconfiguring();
}
bool LiveSession::reading_images() const {
  return impl_->reading_images();
}
bool LiveSession::text_to_image() const {
  return impl_->text_to_image();
}
LiveState LiveSession::state() const {
  return impl_->state();
}
std::shared_ptr<const Image> LiveSession::control_image(std::size_t net) const {
  return impl_->control_image(net);
}
std::optional<Error> LiveSession::failure() const {
  return impl_->failure();
}
LiveCounters LiveSession::counters() const {
  return impl_->counters().values();
}
double LiveSession::call_seconds() const {
  return impl_->counters().call_seconds();
}
SessionTimes LiveSession::times() const {
  return impl_->counters().times();
}

}  // namespace streamdiffusion
