// One client of the WebSocket and its stream. Lives on the network thread and uses no network
// library.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "server/executor.h"
#include "server/loaded_models.h"
#include "server/metrics.h"
#include "server/parameters.h"
#include "server/protocol/messages.h"
#include "server/protocol/rate_limiter.h"
#include "server/sessions/admission.h"
#include "server/sessions/delivery_stats.h"
#include "server/sessions/encoded_image.h"
#include "server/sessions/frame_warnings.h"
#include "settings/change_history.h"

namespace streamdiffusion::server {

/// The part of a client's connection that its session uses.
class ClientConnection {
 public:
  virtual ~ClientConnection() = default;
  /// Queues a text message.
  virtual void send(std::string text) = 0;
  /// Sends an image when the socket is free. A newer image replaces one that still waits, which is
  /// reported to ClientSession::on_replaced().
  virtual void send(EncodedImagePtr image) = 0;
  /// Closes with a status of RFC 6455, after all queued messages were sent.
  virtual void close(int status, const std::string& reason) = 0;
};

/// What all sessions share.
struct ServerContext {
  StreamFactory& stream_factory;
  const ParameterTable& table;
  Metrics& metrics;
  const Limits& limits;
  Executor& executor;
  LoadedModels& models;
  Admission& admission;
};

/// `binary` sends images in both directions over the WebSocket. `legacy` is the protocol of the
/// original demo: frames on request, images as MJPEG. `video` is `binary` with images that a
/// WebRTC connection has decoded and will encode.
enum class Protocol { binary, legacy, video };

class ClientSession : public std::enable_shared_from_this<ClientSession> {
 public:
  /// The names are those of /api/sessions.
  enum class State { waiting, opening, live, ending, gone };
  /// Clients that watch one session as MJPEG or by WHEP.
  static constexpr std::size_t kMaxSubscribers = 8;

  /// What the registry hears of a session, once each.
  struct Events {
    /// It left while it waited for a slot.
    std::function<void()> left_queue;
    /// Nothing of it uses its slot any more: the last thread of its stream has ended.
    std::function<void()> slot_free;
  };

  /// The connection may be destroyed at any time. `gate` is how the stream's threads post.
  ClientSession(ServerContext context, std::string id, Protocol protocol,
                std::weak_ptr<ClientConnection> connection, std::shared_ptr<TaskGate> gate,
                Owner owner, Events events);

  // Called by the registry.
  void send_wait_position(int position, int limit);
  void admit();
  /// Whether the device has time for it now.
  Admission::Room room() const;
  /// As Admission::check(), of what it starts with.
  void check_start() const;
  /// Called twice a second.
  void tick();
  void update_metrics();
  /// Tells the client to move to another server within this time. One that waits is closed.
  void announce_end(Milliseconds within);
  /// Finishes the frames in flight, then closes.
  void drain();
  /// Ends at once and closes with this status.
  void end(int status, const std::string& reason);

  // Called by the connection.
  void on_text(std::string_view message);
  void on_binary(std::string message);
  /// An image of a WebRTC connection: a view of pixels in `owner`.
  void on_video_frame(const FrameView& image, std::shared_ptr<const void> owner);
  /// Its images are sent by a WebRTC connection beside the WebSocket as well, of which there may be
  /// one. `end` is called where the client gives it up. Throws HttpError 409.
  void begin_video(std::function<void()> end);
  /// From here on the WebSocket has all images again.
  void end_video();
  /// Behind frame_header(): nothing where the client sees the video.
  std::string_view frame_body(const EncodedImage& image) const {
    return images_by_video_ ? std::string_view() : image.jpeg;
  }
  /// What precedes the JPEG in a binary message. Made when the image is about to be sent.
  std::string frame_header(const EncodedImage& image) const;
  void on_sent(const EncodedImage& image);
  void on_replaced(const EncodedImage& image);
  /// A subscriber was sent this image. It counts once, and only in the legacy protocol, where no
  /// image is sent over the WebSocket.
  void on_mjpeg_sent(const EncodedImage& image);
  void on_closed();

  // Called by the routes.
  /// Tells the client of the change. Throws HttpError with nothing changed.
  /// `outside`: not by the client itself, but by a REST request.
  void patch(const json::Json& object, bool outside = false);
  /// The same for the image that an IP-Adapter follows: in place of those that it has, or behind
  /// them. Null for none. `warnings` are what was wrong with it.
  void set_style_image(std::size_t adapter, const std::shared_ptr<const Image>& image, bool add,
                       const std::vector<std::string>& warnings = {});
  /// Throw HttpError 404 where the stream's model has no such IP-Adapter, or ControlNet.
  void check_style_adapter(std::size_t adapter) const;
  void check_controlnet(std::size_t net) const;
  /// Throws HttpError 404 if there is none.
  std::shared_ptr<const Image> style_image(std::size_t adapter, std::size_t image) const;
  void set_paused(bool paused);
  /// What the parameters and the frames ask for in vain.
  nlohmann::json warnings() const;
  nlohmann::json settings() const;
  nlohmann::json describe() const;

  /// Called with every new image, and with null when the session ends.
  using Subscriber = std::function<void(EncodedImagePtr)>;
  using Subscription = std::list<Subscriber>::iterator;
  Subscription subscribe(Subscriber subscriber) {
    return subscribers_.insert(subscribers_.end(), std::move(subscriber));
  }
  void unsubscribe(Subscription subscription) { subscribers_.erase(subscription); }
  std::size_t subscriber_count() const { return subscribers_.size(); }
  /// The last image that was delivered, or null.
  EncodedImagePtr newest_image() const { return newest_image_; }
  /// What a ControlNet of the stream's model was shown last, or null.
  std::shared_ptr<const Image> control_image(std::size_t net) const {
    return stream_ ? stream_->control_image(net) : nullptr;
  }

  const std::string& id() const { return id_; }
  Owner owner() const { return owner_; }
  /// Whether the connection is gone, with or without on_closed().
  bool disconnected() const { return connection_.expired(); }
  State state() const { return state_; }
  double fps() const { return delivery_window_.fps(); }

 private:
  /// Runs what concerns this session alone. What it throws ends the session, with an error to the
  /// client, and no other.
  template <typename Task>
  void guarded(const Task& task);
  void check_stream();
  /// Whether images are read now and the client was told otherwise, or the other way about.
  bool images_news();
  void open();
  void on_opened(std::unique_ptr<LiveStream> stream);
  void on_stream_ended();
  LiveCallbacks callbacks();
  void deliver(const EncodedImagePtr& image);
  void on_frame_failed(const Error& error, bool frame);
  void take_text(std::string_view message);
  void take_binary(std::string message);
  void handle(const ClientText& message);
  /// Legacy protocol: parameters and an image follow.
  void announce_frame();
  void choose_images(bool by_video);
  /// The same of what it asks for next.
  void check_change(const StreamModel& model, const Parameters& next) const;
  /// What the stream takes of the device from now on, as predicted.
  void set_load();
  void measure_load();
  /// Takes over what was asked for, and tells the client.
  void take(Parameters next, bool outside);
  /// The other model that an object asks for, if it does.
  std::optional<std::string> wanted_model(const json::Json& object) const;
  /// Opens the model beside the running stream, then changes over to it with the other members of
  /// the object. Throws HttpError 503 while one is being opened.
  void change_model(const std::string& name, const json::Json& object);
  void on_model_opened(const std::shared_ptr<const StreamModel>& model, const json::Json& object);
  /// Keeps what change `number` of the stream asked for.
  void note_change(std::uint64_t number, std::shared_ptr<const StreamModel> model,
                   Parameters parameters);
  /// Goes back to the model and the parameters that the stream goes on with, if it took a change
  /// back, and tells the client.
  void follow_stream();
  /// The image is `message` from `image_offset` on.
  void submit_early_frame();
  void submit(const FrameHeader& header, std::string message, std::size_t image_offset = 0);
  /// Tells the client once that its frames' images are `idle`: nothing follows them.
  void note_image(bool has_image, bool idle);
  /// Decodes an image of a client's message on the stream's thread.
  std::function<Image()> decoding(std::shared_ptr<const std::string> message, std::size_t offset,
                                  std::size_t size, std::shared_ptr<FrameWarnings> warnings) const;
  void submit_pixels(const FrameView& image, std::shared_ptr<const void> owner);
  void send_frame_request();
  void send_error(const HttpError& http_error, bool fatal = false, int status = 1008);
  /// The stream's counters as this client sees them.
  LiveCounters client_counters(const LiveCounters& counters) const;
  void add_to_metrics(const LiveCounters& counters);
  /// Counts something as so many messages.
  bool within_rate(double messages);
  void release();
  /// The stream has ended and the client is gone.
  void finish();
  void send(std::string text) {
    if (const auto connection = connection_.lock()) connection->send(std::move(text));
  }

  ServerContext context_;
  const std::string id_;
  const Protocol protocol_;
  std::weak_ptr<ClientConnection> connection_;
  const std::shared_ptr<TaskGate> gate_;
  const Owner owner_;
  const Events events_;
  State state_ = State::waiting;
  /// Ends the opening of the stream.
  std::stop_source open_stop_;
  std::shared_ptr<LiveStream> stream_;
  /// That the stream runs on.
  std::shared_ptr<const StreamModel> model_;
  Parameters parameters_;
  /// Another model is being opened.
  bool opening_model_ = false;
  struct Asked {
    std::shared_ptr<const StreamModel> model;
    Parameters parameters;
  };
  /// From the opening on.
  std::optional<settings::ChangeHistory<Asked>> asked_;
  /// What was asked for before the stream was open.
  std::optional<json::Json> waiting_change_;
  /// Submits the newest frame that came while the stream opened.
  std::function<void()> early_frame_;
  std::shared_ptr<std::atomic<int>> quality_;
  bool stream_ended_ = false;
  bool opening_ = false, changed_while_opening_ = false, paused_ = false, reconfiguring_ = false;
  /// Of IP-Adapters, as the client was told.
  bool reading_images_ = false;
  /// Of the frames' images, and of those that came with them for ControlNets.
  const std::shared_ptr<FrameWarnings> frame_warnings_ = std::make_shared<FrameWarnings>(),
                                       control_warnings_ = std::make_shared<FrameWarnings>();
  /// Frames bring images that nothing follows, and the client knows.
  bool idle_images_ = false;
  /// Ends the connection beside the WebSocket; empty where there is none.
  std::function<void()> stop_video_;
  /// The client sees its video.
  bool images_by_video_ = false;
  /// Legacy protocol: what the client announced.
  bool next_frame_ = false, expects_image_ = false;
  /// Legacy protocol: a frame request is due and was not sent.
  bool frame_request_pending_ = false;
  /// Of a frame; and what the stream had worked when its load was set or measured last.
  double predicted_seconds_ = 0;
  SessionTimes times_then_;
  DeliveryWindow delivery_window_;
  DeliveryCounts delivery_counts_;
  /// The counters that the metrics already contain.
  LiveCounters counted_;
  /// Of the stream, once it has ended. An image may still wait for the socket then.
  std::optional<LiveCounters> final_counters_;
  std::list<Subscriber> subscribers_;
  EncodedImagePtr newest_image_;
  /// The first frame that on_mjpeg_sent() has not counted.
  std::uint64_t next_mjpeg_frame_ = 0;
  TokenBucket message_rate_, error_rate_{2, 10};
  base::Clock::time_point last_message_ = base::Clock::now();
};

const char* to_string(ClientSession::State state);

template <typename Task>
void ClientSession::guarded(const Task& task) {
  try {
    task();
  } catch (...) {
    send_error(current_http_error(), true, 1011);
    release();
  }
}

}  // namespace streamdiffusion::server
