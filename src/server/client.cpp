#include "server/client.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/client_images.h"

namespace streamdiffusion::server {

using nlohmann::json;

namespace {

double seconds(LiveClock::duration span) {
  return std::max(std::chrono::duration<double>(span).count(), 0.0);
}

double milliseconds(double s) {
  return std::round(s * 1e5) / 100;
}

/// On the deliver thread.
EncodedImagePtr make_image(const LiveOutput& output, int quality) {
  auto image = std::make_shared<EncodedImage>();
  image->jpeg = encode_image(*output.image, ImageFormat::jpeg, quality);
  image->width = output.image->width;
  image->height = output.image->height;
  image->frame = output.frame_id;
  image->reused = output.reused;
  image->captured = output.captured;
  image->finished = output.finished;
  const auto* tag = std::any_cast<std::shared_ptr<FrameTag>>(&output.tag);
  LiveClock::time_point decoding = output.captured;
  if (tag != nullptr) {
    image->head = (*tag)->head;
    decoding = std::max((*tag)->decoding, output.captured);
  }
  image->times.queue =
      seconds(decoding - output.captured) + seconds(output.entered - output.prepared);
  image->times.prepare = seconds(output.prepared - decoding);
  image->times.engine = seconds(output.finished - output.entered);
  return image;
}

}  // namespace

const char* to_string(Client::State state) {
  switch (state) {
    case Client::State::waiting:
      return "waiting";
    case Client::State::opening:
      return "opening";
    case Client::State::live:
      return "live";
    case Client::State::ending:
      return "ending";
    case Client::State::gone:
      return "gone";
  }
  return "?";
}

Client::Client(House house, std::string id, Dialect dialect, Link& link,
               std::function<void()> freed)
    : house_(house),
      id_(std::move(id)),
      dialect_(dialect),
      link_(&link),
      freed_(std::move(freed)),
      parameters_(house.table.defaults()),
      quality_(std::make_shared<std::atomic<int>>(parameters_.jpeg_quality)),
      rate_(house.limits.messages_per_second, 2 * house.limits.messages_per_second) {}

void Client::wait(int position, int limit) {
  send(dump({{"status", "wait"}, {"position", position}, {"limit", limit}}));
}

void Client::admit() {
  state_ = State::opening;
  opening_ = true;
  house_.metrics.session_opened();
  open();
}

void Client::open() {
  auto self = shared_from_this();
  house_.tasks.work([self, settings = parameters_.live, calls = callbacks()] {
    std::shared_ptr<std::unique_ptr<Stream>> stream;
    std::optional<Refusal> refusal;
    try {
      stream = std::make_shared<std::unique_ptr<Stream>>(
          self->house_.studio.open(settings, {QueuePolicy::Kind::latest, 1}, calls));
    } catch (const Error& error) {
      refusal = refusal_of(error);
    } catch (const std::exception& error) {
      refusal = Refusal(500, "internal", error.what());
    }
    self->house_.tasks.post([self, stream, refusal] {
      if (refusal) {
        self->opening_ = false;
        self->refuse(*refusal, true, 1011);
        self->release();
      } else {
        self->opened(std::move(*stream));
      }
    });
  });
}

void Client::opened(std::unique_ptr<Stream> stream) {
  opening_ = false;
  stream_ = std::move(stream);
  if (state_ != State::opening) return release();  // the client left meanwhile
  state_ = State::live;
  last_message_ = base::Clock::now();
  send(dump({{"status", "connected"}, {"id", id_}, {"protocol", 1}}));
  try {
    stream_->change(parameters_.live);  // what came while the stream was made
  } catch (const Error& error) {
    refuse(refusal_of(error));
  }
  planning_ = stream_->planning();
  send(dump(settings()));
  if (dialect_ == Dialect::established) send(status_message("send_frame"));
}

// The callbacks run on the stream's threads. They hold the client weakly: its stream is what the
// client owns.
LiveCallbacks Client::callbacks() {
  LiveCallbacks calls;
  std::weak_ptr<Client> weak = weak_from_this();
  Tasks* tasks = &house_.tasks;
  calls.output = [weak, tasks, quality = quality_](const LiveOutput& output) {
    tasks->post([weak, image = make_image(output, quality->load())] {
      if (const auto client = weak.lock()) client->deliver(image);
    });
  };
  calls.error = [weak, tasks](const Error& error, std::optional<std::uint64_t> frame) {
    tasks->post([weak, error, frame] {
      if (const auto client = weak.lock()) client->failed_frame(error, frame.has_value());
    });
  };
  return calls;
}

void Client::deliver(const EncodedImagePtr& image) {
  house_.metrics.image(image->times, image->reused);
  for (const Watcher& watcher : watchers_) watcher(image);
  if (dialect_ == Dialect::established) return give_credit();
  link_ != nullptr&& state_ != State::gone ? link_->send(image) : replaced(*image);
}

void Client::failed_frame(const Error& error, bool frame) {
  if (error_rate_.take()) {
    refuse(Refusal(400, frame ? "frame_failed" : "settings_failed", error.what()));
  }
  if (dialect_ == Dialect::established) give_credit();
}

void Client::tick() {
  if (state_ != State::live) return;
  if (const auto failure = stream_->failure()) {
    refuse(Refusal(500, "stream_failed", failure->what()), true, 1011);
    return release();
  }
  const LiveCounters counters = seen(stream_->counters());
  account(counters);
  if (std::exchange(planning_, stream_->planning()) && !planning_) send(dump(settings()));
  json stats = write_counters(counters);
  stats["status"] = "stats";
  stats["fps"] = window_.fps();
  stats["engine_ms"] = milliseconds(stream_->frame_seconds());
  stats["age_ms"] = window_.ages();
  send(dump(stats));
  if (owes_credit_) give_credit();
  const auto idle = house_.limits.idle;
  if (idle.count() > 0 && base::Clock::now() - last_message_ > idle) {
    send(status_message("timeout"));
    end(1000, "no message for too long");
  }
}

void Client::count() {
  if (stream_) account(seen(stream_->counters()));
}

LiveCounters Client::seen(const LiveCounters& counters) const {
  return dialect_ == Dialect::binary ? as_seen(counters, settled_) : counters;
}

void Client::account(const LiveCounters& counters) {
  house_.metrics.frames(accounted_, counters);
  accounted_ = counters;
}

// Ending: the stream is stopped by a worker, and only then is its place free.

void Client::drain() {
  if (state_ != State::live) return end(1001, "the server is ending");
  state_ = State::ending;
  auto self = shared_from_this();
  house_.tasks.work([self, stream = stream_] {
    stream->drain();
    self->house_.tasks.post([self] { self->end(1001, "the server is ending"); });
  });
}

void Client::end(int status, const std::string& reason) {
  if (link_ != nullptr) link_->close(status, reason);
  release();
}

void Client::closed() {
  link_ = nullptr;
  release();
}

void Client::release() {
  if (state_ == State::gone) return;
  if (opening_) {  // opened() comes back here
    state_ = State::ending;
    return;
  }
  const bool had_place = state_ != State::waiting;
  state_ = State::gone;
  for (const Watcher& watcher : watchers_) watcher(nullptr);
  if (!had_place) return;
  if (stream_ == nullptr) return freed_();
  auto self = shared_from_this();
  house_.tasks.work([self, stream = std::move(stream_)]() mutable {
    stream->stop();
    const LiveCounters counters = stream->counters();
    stream.reset();
    self->house_.tasks.post([self, counters] {
      self->account(self->seen(counters));
      self->freed_();
    });
  });
}

json Client::settings() const {
  return {{"status", "settings"},
          {"params", house_.table.write(parameters_)},
          {"planning", planning_},
          {"warnings", house_.table.warnings(parameters_)}};
}

json Client::describe() const {
  json out{{"id", id_}, {"state", paused_ && state_ == State::live ? "paused" : to_string(state_)}};
  out["params"] = house_.table.write(parameters_);
  out["stats"] = nullptr;
  if (!stream_) return out;
  json stats = write_counters(seen(stream_->counters()));
  stats["fps"] = window_.fps();
  stats["engine_ms"] = milliseconds(stream_->frame_seconds());
  stats["age_ms"] = window_.ages();
  out["stats"] = std::move(stats);
  return out;
}

void Client::refuse(const Refusal& refusal, bool fatal, int status) {
  house_.metrics.error(refusal.code());
  send(error_message(refusal, fatal));
  if (fatal && link_ != nullptr) link_->close(status, refusal.code());
}

// What the client gets.

std::string Client::frame_message(const EncodedImage& image) const {
  json head{{"frame", image.frame},
            {"reused", image.reused},
            {"age_ms", milliseconds(seconds(LiveClock::now() - image.captured))},
            {"width", image.width},
            {"height", image.height},
            {"queue_ms", milliseconds(image.times.queue)},
            {"prepare_ms", milliseconds(image.times.prepare)},
            {"engine_ms", milliseconds(image.times.engine)}};
  if (image.head.seq) head["seq"] = *image.head.seq;
  if (image.head.captured) head["captured"] = *image.head.captured;
  return write_binary_frame(head, image.jpeg);
}

void Client::sent(const EncodedImage& image) {
  const auto now = LiveClock::now();
  const double age = seconds(now - image.captured);
  ++(image.reused ? settled_.skipped : settled_.processed);
  window_.add(age);
  house_.metrics.delivered(seconds(now - image.finished), age);
}

void Client::watched(const EncodedImage& image) {
  if (dialect_ != Dialect::established || image.frame < next_watched_) return;
  next_watched_ = image.frame + 1;
  sent(image);
}

void Client::replaced(const EncodedImage&) {
  ++settled_.replaced;
}

}  // namespace streamdiffusion::server
