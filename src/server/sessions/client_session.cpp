#include "server/sessions/client_session.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/memory.h"
#include "server/protocol/image_codec.h"

namespace streamdiffusion::server {

using JsonValue = nlohmann::json;

namespace {

constexpr const char* kShuttingDown = "the server is shutting down";

double seconds(LiveClock::duration span) {
  return std::max(std::chrono::duration<double>(span).count(), 0.0);
}

double milliseconds(double s) {
  return std::round(s * 1e5) / 100;
}

/// Runs on the deliver thread.
EncodedImagePtr make_image(const LiveOutput& output, int quality, bool video) {
  auto image = std::make_shared<EncodedImage>();
  image->pixels = output.image;
  if (video) image->planes = write_planes(*output.image);
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
    image->header = (*tag)->header;
    decoding = std::max((*tag)->decoding, output.captured);
  }
  image->times.queue =
      seconds(decoding - output.captured) + seconds(output.entered - output.prepared);
  image->times.prepare = seconds(output.prepared - decoding);
  image->times.engine = seconds(output.finished - output.entered);
  return image;
}

}  // namespace

const char* to_string(ClientSession::State state) {
  switch (state) {
    case ClientSession::State::waiting:
      return "waiting";
    case ClientSession::State::opening:
      return "opening";
    case ClientSession::State::live:
      return "live";
    case ClientSession::State::ending:
      return "ending";
    case ClientSession::State::gone:
      return "gone";
  }
  return "?";
}

ClientSession::ClientSession(ServerContext context, std::string id, Protocol protocol,
                             std::weak_ptr<ClientConnection> connection,
                             std::shared_ptr<TaskGate> gate, Owner owner, Events events)
    : context_(context),
      id_(std::move(id)),
      protocol_(protocol),
      connection_(std::move(connection)),
      gate_(std::move(gate)),
      owner_(owner),
      events_(std::move(events)),
      model_(context.models.first()),
      parameters_(model_->table.defaults()),
      quality_(std::make_shared<std::atomic<int>>(parameters_.jpeg_quality)),
      message_rate_(context.limits.messages_per_second, 2 * context.limits.messages_per_second) {}

void ClientSession::send_wait_position(int position, int limit) {
  send(dump({{"status", "wait"}, {"position", position}, {"limit", limit}}));
}

void ClientSession::admit() {
  state_ = State::opening;
  opening_ = true;
  set_load();
  context_.metrics.session_opened();
  open();
}

void ClientSession::open() {
  auto self = shared_from_this();
  asked_.emplace(Asked{model_, parameters_});
  context_.executor.run_opening([self, settings = parameters_.live, calls = callbacks(),
                                 stop = open_stop_.get_token(),
                                 group = context_.admission.group(owner_)] {
    std::shared_ptr<std::unique_ptr<LiveStream>> stream;
    std::optional<HttpError> http_error;
    try {
      stream = std::make_shared<std::unique_ptr<LiveStream>>(self->context_.stream_factory.open(
          settings, {QueuePolicy::Kind::latest, 1}, calls, stop, group));
    } catch (...) {
      http_error = current_http_error();
    }
    self->context_.executor.post([self, stream, http_error] {
      self->opening_ = false;
      self->guarded([&] {
        if (http_error) throw HttpError(*http_error);
        self->on_opened(std::move(*stream));
      });
    });
  });
}

void ClientSession::on_opened(std::unique_ptr<LiveStream> stream) {
  stream_ = std::move(stream);
  if (state_ != State::opening) return release();  // the client disconnected meanwhile
  state_ = State::live;
  last_message_ = base::Clock::now();
  send(dump({{"status", "connected"}, {"id", id_}, {"protocol", 1}}));
  try {
    if (changed_while_opening_) note_change(stream_->change(parameters_.live), model_, parameters_);
  } catch (...) {
    send_error(current_http_error());
    parameters_ = asked_->now().parameters;
    set_load();
  }
  reconfiguring_ = stream_->reconfiguring();
  send(dump(settings()));
  submit_early_frame();
  if (protocol_ == Protocol::legacy) send(status_message("send_frame"));
  if (const auto change = std::exchange(waiting_change_, std::nullopt)) {
    change_model(change->at("model").string(), *change);
  }
}

// The callbacks run on the stream's threads, which may outlive the session and the server. They
// hold a weak pointer, because the session owns the stream that owns them.
LiveCallbacks ClientSession::callbacks() {
  LiveCallbacks calls;
  std::weak_ptr<ClientSession> weak = weak_from_this();
  const bool video = protocol_ == Protocol::video;
  calls.output = [weak, gate = gate_, quality = quality_, video](const LiveOutput& output) {
    gate->post([weak, image = make_image(output, quality->load(), video)] {
      if (const auto session = weak.lock()) session->guarded([&] { session->deliver(image); });
    });
  };
  calls.error = [weak, gate = gate_](const Error& error, std::optional<std::uint64_t> frame) {
    gate->post([weak, error, frame] {
      if (const auto session = weak.lock()) session->on_frame_failed(error, frame.has_value());
    });
  };
  calls.ended = [weak, gate = gate_] {
    gate->post([weak] {
      if (const auto session = weak.lock()) session->on_stream_ended();
    });
  };
  return calls;
}

void ClientSession::deliver(const EncodedImagePtr& image) {
  context_.metrics.image(image->times, image->reused);
  newest_image_ = image;
  for (const Subscriber& subscriber : subscribers_) subscriber(image);
  if (protocol_ == Protocol::legacy) return send_frame_request();
  const auto connection = connection_.lock();
  if (connection && state_ != State::gone) {
    connection->send(image);
  } else {
    on_replaced(*image);
  }
}

void ClientSession::on_frame_failed(const Error& error, bool frame) {
  if (error_rate_.take()) {
    send_error(
        HttpError(400, frame ? "frame_failed" : "settings_failed", to_http_error(error).what()));
  }
  if (!frame) follow_stream();
  if (protocol_ == Protocol::legacy) send_frame_request();
}

void ClientSession::tick() {
  if (state_ == State::live) guarded([this] { check_stream(); });
}

void ClientSession::check_stream() {
  if (const auto failure = stream_->failure()) {
    send_error(HttpError(500, "stream_failed", to_http_error(*failure).what()), true, 1011);
    return release();
  }
  const LiveCounters counters = client_counters(stream_->counters());
  add_to_metrics(counters);
  follow_stream();
  const bool prepared = std::exchange(reconfiguring_, stream_->reconfiguring()) && !reconfiguring_;
  // Each is asked, so that each notes what the client is told now.
  const bool frame_news = frame_warnings_->news(), control_news = control_warnings_->news();
  if (images_news() || prepared || frame_news || control_news) send(dump(settings()));
  measure_load();
  JsonValue stats = write_counters(counters);
  stats["status"] = "stats";
  stats["fps"] = delivery_window_.fps();
  stats["engine_ms"] = milliseconds(stream_->call_seconds());
  stats["age_ms"] = delivery_window_.ages();
  send(dump(stats));
  if (frame_request_pending_) send_frame_request();
  const auto idle = context_.limits.idle;
  if (idle.count() > 0 && base::Clock::now() - last_message_ > idle) {
    send(status_message("timeout"));
    end(1000, "no message for too long");
  }
}

void ClientSession::update_metrics() {
  guarded([this] {
    if (stream_) add_to_metrics(client_counters(stream_->counters()));
    if (final_counters_) add_to_metrics(client_counters(*final_counters_));
  });
}

LiveCounters ClientSession::client_counters(const LiveCounters& counters) const {
  return protocol_ != Protocol::legacy ? as_seen_by_client(counters, delivery_counts_) : counters;
}

void ClientSession::add_to_metrics(const LiveCounters& counters) {
  context_.metrics.frames(counted_, counters);
  counted_ = counters;
}

// Ending: nothing here waits. The stream reports when its last thread has ended, which may be long
// after the client is gone. Only then are its counters final and the session's slot free.

void ClientSession::announce_end(Milliseconds within) {
  send(dump({{"status", "moving"}, {"after_s", std::chrono::duration<double>(within).count()}}));
  if (state_ == State::waiting) end(1001, kShuttingDown);
}

void ClientSession::drain() {
  if (state_ != State::live) return end(1001, kShuttingDown);
  state_ = State::ending;
  guarded([this] { stream_->close(); });
}

void ClientSession::on_stream_ended() {
  stream_ended_ = true;
  if (state_ == State::gone) return finish();
  if (state_ == State::ending && !opening_) end(1001, kShuttingDown);
}

void ClientSession::end(int status, const std::string& reason) {
  if (const auto connection = connection_.lock()) connection->close(status, reason);
  release();
}

void ClientSession::on_closed() {
  connection_.reset();
  release();
}

void ClientSession::release() {
  if (state_ == State::gone) return;
  if (opening_) {  // on_opened() calls release() again
    open_stop_.request_stop();
    state_ = State::ending;
    return;
  }
  const auto self = shared_from_this();  // the registry may let go of it
  const bool waited = state_ == State::waiting;
  state_ = State::gone;
  for (const Subscriber& subscriber : subscribers_) subscriber(nullptr);
  if (waited) return events_.left_queue();
  if (stream_ == nullptr) return events_.slot_free();
  if (stream_ended_) return finish();
  stream_->halt();
}

void ClientSession::finish() {
  guarded([this] {
    final_counters_ = stream_->counters();
    add_to_metrics(client_counters(*final_counters_));
  });
  auto self = shared_from_this();
  context_.executor.run_on_worker([self, stream = std::move(stream_)]() mutable {
    stream.reset();  // joins threads that have ended
    base::trim_memory();
    self->context_.executor.post([self] { self->events_.slot_free(); });
  });
}

bool ClientSession::images_news() {
  const bool now = stream_->reading_images();
  return std::exchange(reading_images_, now) != now;
}

JsonValue ClientSession::warnings() const {
  JsonValue list = model_->table.warnings(parameters_);
  for (const std::string& message : frame_warnings_->told())
    list.push_back({{"message", message}, {"param", "image"}});
  for (const std::string& message : control_warnings_->told())
    list.push_back({{"message", message}, {"param", "control_bytes"}});
  if (idle_images_ && parameters_.live.options.text_to_image) {
    list.push_back({{"message",
                     "the images of frames have no effect in mode txt2img; they act in "
                     "mode img2img, and with a ControlNet"},
                    {"param", "mode"}});
  }
  return list;
}

JsonValue ClientSession::settings() const {
  return {{"status", "settings"},
          {"params", model_->table.write(parameters_)},
          {"reconfiguring", reconfiguring_ || opening_model_},
          {"reading_images", reading_images_},
          {"warnings", warnings()}};
}

JsonValue ClientSession::describe() const {
  JsonValue out{{"id", id_},
                {"state", paused_ && state_ == State::live ? "paused" : to_string(state_)}};
  out["params"] = model_->table.write(parameters_);
  out["warnings"] = warnings();
  if (context_.admission.by_cost()) out["load"] = context_.admission.used_by(this);
  out["stats"] = nullptr;
  if (!stream_) return out;
  JsonValue stats = write_counters(client_counters(stream_->counters()));
  stats["fps"] = delivery_window_.fps();
  stats["engine_ms"] = milliseconds(stream_->call_seconds());
  stats["age_ms"] = delivery_window_.ages();
  out["stats"] = std::move(stats);
  return out;
}

void ClientSession::send_error(const HttpError& http_error, bool fatal, int status) {
  context_.metrics.error(http_error.code());
  send(error_message(http_error, fatal));
  if (!fatal) return;
  if (const auto connection = connection_.lock()) connection->close(status, http_error.code());
}

// What the client receives.

std::string ClientSession::frame_header(const EncodedImage& image) const {
  JsonValue header{{"frame", image.frame},
                   {"reused", image.reused},
                   {"age_ms", milliseconds(seconds(LiveClock::now() - image.captured))},
                   {"width", image.width},
                   {"height", image.height},
                   {"queue_ms", milliseconds(image.times.queue)},
                   {"prepare_ms", milliseconds(image.times.prepare)},
                   {"engine_ms", milliseconds(image.times.engine)}};
  if (image.header.seq) header["seq"] = *image.header.seq;
  if (image.header.captured) header["captured"] = *image.header.captured;
  return write_frame_header(header);
}

void ClientSession::on_sent(const EncodedImage& image) {
  const auto now = LiveClock::now();
  const double age = seconds(now - image.captured);
  ++(image.reused ? delivery_counts_.skipped : delivery_counts_.processed);
  delivery_window_.add(age);
  if (final_counters_) update_metrics();
  context_.metrics.delivered(seconds(now - image.finished), age);
}

void ClientSession::on_mjpeg_sent(const EncodedImage& image) {
  if (protocol_ != Protocol::legacy || image.frame < next_mjpeg_frame_) return;
  next_mjpeg_frame_ = image.frame + 1;
  on_sent(image);
}

void ClientSession::on_replaced(const EncodedImage&) {
  ++delivery_counts_.replaced;
  if (final_counters_) update_metrics();
}

}  // namespace streamdiffusion::server
