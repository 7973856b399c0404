// The server's side of one WebRTC connection: the process that makes it, and the session that it
// feeds or watches.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <memory>
#include <optional>
#include <string>

#include "server/net/child_process.h"
#include "server/net/net.h"
#include "server/net/text_queue.h"
#include "server/protocol/http.h"
#include "server/sessions/session_registry.h"
#include "webrtc/message.h"
#include "webrtc/peer_options.h"

namespace streamdiffusion::server {

/// Lives on the network thread. What its process says is not trusted: a message out of turn or out
/// of bounds ends the connection.
class WebRtcPeer : public ClientConnection, public std::enable_shared_from_this<WebRtcPeer> {
 public:
  WebRtcPeer(net::io_context& io, SessionRegistry& registry, Metrics& metrics,
             const Limits& limits);

  /// Makes a session with this id, or watches the one that is there, and starts the process. Throws
  /// HttpError, or io where the program cannot be started.
  void start(const std::string& id, webrtc::Role role, const std::string& program, Owner owner);
  /// Serves the connection until it ends. `answered` is called once: with the answer, or with the
  /// error.
  using Answered = std::function<void(std::optional<std::string>, std::optional<HttpError>)>;
  Task<void> run(webrtc::PeerOptions options, Answered answered);

  void send(std::string text) override;
  void send(EncodedImagePtr image) override;
  void close(int status, const std::string& reason) override;

 private:
  using Socket = net::local::stream_protocol::socket;

  void join(const std::string& id, Owner owner);
  void watch(const std::string& id, Owner owner);
  void watch_beside(const std::string& id, Owner owner);
  Task<void> read();
  Task<void> write();
  Task<void> write_queued();
  Task<bool> write_message(webrtc::MessageKind kind, const std::string& body);
  Task<bool> write_image(const EncodedImage& image);
  Task<void> wait_for_end();
  /// Notices a process that hangs, until the connection is broken.
  Task<void> watch_process();
  /// Wakes write() and watch_process(), and waits until they have ended.
  Task<void> end_tasks();
  /// Returns false once there is nothing more to read.
  bool take(webrtc::Message message);
  void take_answer(webrtc::Message message);
  void take_image(std::string body);
  void fail(const std::string& reason);
  void leave();
  void drop(const EncodedImage& image);
  void start_deadline(Milliseconds time);

  SessionRegistry& registry_;
  Metrics& metrics_;
  const Limits& limits_;
  std::optional<ChildProcess> process_;
  Socket socket_;
  std::shared_ptr<ClientSession> session_;
  /// With Role::receive and Role::beside.
  std::optional<ClientSession::Subscription> subscription_;
  webrtc::Role role_ = webrtc::Role::exchange;
  Answered answered_;
  webrtc::MessageReader reader_;
  TextQueue texts_;
  EncodedImagePtr image_;
  /// The encoder has nothing to do.
  bool ready_ = false;
  bool connected_ = false, closing_ = false, broken_ = false, writing_ = false, watching_ = false;
  /// Whether the process is to be asked, and has been heard since.
  bool ask_ = false, heard_ = false;
  /// The log has why the connection ended, or the process has said that the client left.
  bool end_is_known_ = false;
  Event work_available_, written_, unwatched_;
  net::steady_timer deadline_, watch_timer_;
};

}  // namespace streamdiffusion::server
