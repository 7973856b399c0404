#include "stream.h"

#include "engines.h"
#include "json/json.h"

namespace streamdiffusion::gst {
namespace {

/// Frames that wait before each stage where none may be lost.
constexpr int kQueueDepth = 2;

void add(LiveCounters& sum, const LiveCounters& more) {
  sum.captured += more.captured;
  sum.processed += more.processed;
  sum.skipped += more.skipped;
  sum.dropped_waiting += more.dropped_waiting;
  sum.dropped_prepared += more.dropped_prepared;
  sum.dropped_undelivered += more.dropped_undelivered;
  sum.dropped_paused += more.dropped_paused;
  sum.dropped_stopped += more.dropped_stopped;
  sum.failed += more.failed;
}

}  // namespace

std::string object_of(const Values& values) {
  std::string text = "{";
  for (const auto& [name, value] : values) {
    if (text.size() > 1) text += ',';
    text += json::json_string(name) + ':' + value;
  }
  return text + '}';
}

Stream::Stream(const std::string& engine_parameters, const Values& values, Warn warn)
    : warn_(std::move(warn)), engine_(shared_engine(engine_parameters)), parameters_(*engine_) {
  parameters_.keep(parameters_.with(object_of(values).c_str()));
  engine_->check(options());
}

SessionOptions Stream::options() const {
  return engine_->with_defaults(parameters_.live().options);
}

void Stream::set(const std::string& name, const std::string& value) {
  const std::lock_guard lock(mutex_);
  if (live_) parameters_.follow(*live_);
  params::Settings next = parameters_.with(object_of({{name, value}}).c_str());
  const std::uint64_t number = live_ ? live_->change(next.live) : 0;
  parameters_.keep(std::move(next), number);
}

std::string Stream::values() const {
  const std::lock_guard lock(mutex_);
  if (live_) parameters_.follow(*live_);
  return parameters_.values();
}

int Stream::width() const {
  const std::lock_guard lock(mutex_);
  return options().width.value();
}

int Stream::height() const {
  const std::lock_guard lock(mutex_);
  return options().height.value();
}

std::size_t Stream::steps() const {
  const std::lock_guard lock(mutex_);
  return options().t_index_list.size();
}

LiveCallbacks Stream::callbacks() {
  LiveCallbacks calls;
  calls.output = [queue = queue_](const LiveOutput& output) {
    queue->finish(std::any_cast<std::uint64_t>(output.tag), output.image);
  };
  calls.error = [queue = queue_, warn = warn_](const Error& error,
                                               std::optional<std::uint64_t> frame) {
    if (frame) queue->drop(*frame);
    warn(error.what());
  };
  return calls;
}

std::shared_ptr<LiveSession> Stream::live() const {
  const std::lock_guard lock(mutex_);
  return live_;
}

std::shared_ptr<LiveSession> Stream::started() {
  const std::lock_guard lock(mutex_);
  if (live_) return live_;
  next_id_ = 0;
  const QueuePolicy policy =
      may_drop_ ? QueuePolicy{} : QueuePolicy{QueuePolicy::Kind::block, kQueueDepth};
  parameters_.restart();
  live_ = std::make_shared<LiveSession>(*engine_, parameters_.live(), policy, callbacks());
  return live_;
}

Stream::Taken Stream::submit(std::shared_ptr<MappedFrame> frame, Buffer times) {
  const auto session = started();
  const std::uint64_t id = next_id_++;  // as the session counts
  queue_->enter(id, std::move(times));
  LiveFrame submitted;
  submitted.pixels = frame->view();
  submitted.owner = std::move(frame);
  submitted.tag = id;
  if (session->submit(std::move(submitted))) return Taken::yes;
  queue_->drop(id);
  return session->failure() ? Taken::failed : Taken::closed;
}

void Stream::drain() {
  const auto session = live();
  if (!session) return;
  session->drain();
  queue_->drop_waiting();
  const std::lock_guard lock(mutex_);
  parameters_.follow(*session);
  add(before_, session->counters());
  if (!session->failure()) live_.reset();
}

void Stream::halt() {
  queue_->close();
  if (const auto session = live()) session->halt();
}

std::vector<Event> Stream::restart() {
  if (const auto session = live()) {
    session->stop();
    const std::lock_guard lock(mutex_);
    parameters_.follow(*session);
    add(before_, session->counters());
    live_.reset();
  }
  return queue_->open();
}

std::optional<Error> Stream::failure() const {
  const auto session = live();
  return session ? session->failure() : std::nullopt;
}

LiveCounters Stream::counters() const {
  const std::lock_guard lock(mutex_);
  LiveCounters sum = before_;
  if (live_) add(sum, live_->counters());
  return sum;
}

double Stream::call_seconds() const {
  const auto session = live();
  return session ? session->call_seconds() : 0;
}

}  // namespace streamdiffusion::gst
