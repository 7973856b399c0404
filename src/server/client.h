// One client of the WebSocket and its stream. Lives on the network thread; knows no network
// library.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "server/encoded_image.h"
#include "server/messages.h"
#include "server/metrics.h"
#include "server/parameters.h"
#include "server/rate.h"
#include "server/stats.h"
#include "server/tasks.h"

namespace streamdiffusion::server {

/// The client's connection, as far as the client's state needs it.
class Link {
 public:
  virtual ~Link() = default;
  /// Queues a text.
  virtual void send(std::string text) = 0;
  /// Sends an image when the socket is free; a newer one takes the place of one that waits, which
  /// is then told to Client::replaced().
  virtual void send(EncodedImagePtr image) = 0;
  /// Closes once what is queued has left; with a status of RFC 6455.
  virtual void close(int status, const std::string& reason) = 0;
};

/// What all clients share.
struct House {
  Studio& studio;
  const ParameterTable& table;
  Metrics& metrics;
  const Limits& limits;
  Tasks& tasks;
};

enum class Dialect { binary, established };

class Client : public std::enable_shared_from_this<Client> {
 public:
  enum class State { waiting, opening, live, ending, gone };

  /// `freed` is called once, when the place of a client that had one is free again.
  Client(House house, std::string id, Dialect dialect, Link& link, std::function<void()> freed);

  // From the room.
  void wait(int position, int limit);
  void admit();
  /// Twice a second.
  void tick();
  /// Brings the metrics up to date.
  void count();
  /// Finishes the images under way, then closes.
  void drain();
  /// Ends now, with a close of this status.
  void end(int status, const std::string& reason);

  // From the connection.
  void text(std::string_view message);
  void binary(std::string message);
  /// The bytes of an image that is about to be written.
  std::string frame_message(const EncodedImage& image) const;
  void sent(const EncodedImage& image);
  void replaced(const EncodedImage& image);
  /// One who watches got this image; counts once, and where images come back in no other way.
  void watched(const EncodedImage& image);
  void closed();

  // From the routes.
  /// Throws Refusal with nothing changed; the client is told of a change.
  void patch(const json::Json& object);
  nlohmann::json settings() const;
  nlohmann::json describe() const;

  /// Called with every new image, and once with none at the end.
  using Watcher = std::function<void(EncodedImagePtr)>;
  using Watch = std::list<Watcher>::iterator;
  Watch watch(Watcher watcher) { return watchers_.insert(watchers_.end(), std::move(watcher)); }
  void unwatch(Watch watch) { watchers_.erase(watch); }
  std::size_t watchers() const { return watchers_.size(); }

  const std::string& id() const { return id_; }
  State state() const { return state_; }
  double fps() const { return window_.fps(); }

 private:
  void open();
  void opened(std::unique_ptr<Stream> stream);
  LiveCallbacks callbacks();
  void deliver(const EncodedImagePtr& image);
  void failed_frame(const Error& error, bool frame);
  void handle(const ClientText& message);
  void submit(FrameHead head, std::string image);
  void give_credit();
  void change(const json::Json& object);
  void refuse(const Refusal& refusal, bool fatal = false, int status = 1008);
  /// The stream's counters as this client sees them.
  LiveCounters seen(const LiveCounters& counters) const;
  void account(const LiveCounters& counters);
  bool within_rate();
  void release();
  void send(std::string text) {
    if (link_ != nullptr) link_->send(std::move(text));
  }

  House house_;
  const std::string id_;
  const Dialect dialect_;
  Link* link_;
  std::function<void()> freed_;
  State state_ = State::waiting;
  std::shared_ptr<Stream> stream_;
  Parameters parameters_;
  std::shared_ptr<std::atomic<int>> quality_;
  bool opening_ = false, paused_ = false, planning_ = false;
  /// Where the established protocol stands.
  bool next_frame_ = false, expects_image_ = false;
  bool owes_credit_ = false;
  SentWindow window_;
  Settled settled_;
  LiveCounters accounted_;
  std::list<Watcher> watchers_;
  /// Frame
  std::uint64_t next_watched_ = 0;
  TokenBucket rate_, error_rate_{2, 10};
  base::Clock::time_point last_message_ = base::Clock::now();
};

const char* to_string(Client::State state);

}  // namespace streamdiffusion::server
