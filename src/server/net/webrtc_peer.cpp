#include "server/net/webrtc_peer.h"

#include <algorithm>
#include <array>
#include <boost/asio/write.hpp>

#include "base/error.h"
#include "base/log.h"
#include "server/protocol/image_codec.h"

namespace streamdiffusion::server {
namespace {

using webrtc::Message;
using webrtc::MessageKind;
using webrtc::Role;

/// Until the answer; GStreamer gives up on STUN servers that are silent sooner.
constexpr Milliseconds kAnswerTime = 10s;
/// For the process to end.
constexpr Milliseconds kEndTime = 2s, kEndCheck = 20ms;
/// How often the process is asked, and after how many times without a word it is taken to hang.
/// They are counted so that a server that stood still itself blames nobody.
constexpr Milliseconds kAsk = 1s;
constexpr int kMostSilences = 6;
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20U;

std::size_t most_bytes(const Limits& limits) {
  const auto pixels = static_cast<std::size_t>(limits.image_pixels);
  return std::max(kMaxTextBytes, webrtc::kImageHeadBytes + 2 * pixels);
}

}  // namespace

WebRtcPeer::WebRtcPeer(net::io_context& io, SessionRegistry& registry, Metrics& metrics,
                       const Limits& limits)
    : registry_(registry),
      metrics_(metrics),
      limits_(limits),
      socket_(io),
      reader_(most_bytes(limits)),
      work_available_(socket_.get_executor()),
      written_(socket_.get_executor()),
      unwatched_(socket_.get_executor()),
      deadline_(socket_.get_executor()),
      watch_timer_(socket_.get_executor()) {}

void WebRtcPeer::start(const std::string& id, Role role, const std::string& program, Owner owner) {
  role_ = role;
  if (role == Role::receive) {
    watch(id, owner);
  } else {
    role == Role::beside ? watch_beside(id, owner) : join(id, owner);
  }
  try {
    process_.emplace(program, std::vector<std::string>{"--connection"});
    socket_.assign(net::local::stream_protocol(), process_->take_socket());
  } catch (...) {
    leave();
    throw;
  }
}

void WebRtcPeer::watch(const std::string& id, Owner owner) {
  session_ = registry_.find(id, owner);
  if (session_->subscriber_count() >= ClientSession::kMaxSubscribers) {
    throw HttpError(
        503, "full",
        base::concat(ClientSession::kMaxSubscribers, " clients already watch this session"));
  }
  image_ = session_->newest_image();
  subscription_ = session_->subscribe([weak = weak_from_this()](EncodedImagePtr image) {
    const auto self = weak.lock();
    if (!self) return;
    image ? self->send(std::move(image)) : self->close(1000, "the session has ended");
  });
}

void WebRtcPeer::watch_beside(const std::string& id, Owner owner) {
  const auto session = registry_.find(id, owner);
  session->begin_video([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->close(1000, "the client has left");
  });
  try {
    watch(id, owner);
  } catch (...) {
    session->end_video();
    throw;
  }
}

void WebRtcPeer::join(const std::string& id, Owner owner) {
  session_ = registry_.connect(id, Protocol::video, weak_from_this(), owner);
  if (role_ != Role::send || session_->state() != ClientSession::State::waiting) return;
  leave();  // without a data channel nobody could tell the client that it waits
  throw HttpError(503, "full", "no session is free; try again later");
}

Task<void> WebRtcPeer::run(webrtc::PeerOptions options, Answered answered) {
  const auto self = shared_from_this();
  answered_ = std::move(answered);
  start_deadline(kAnswerTime);
  const std::string opening = webrtc::write(options);
  writing_ = true;
  const bool sent = co_await write_message(MessageKind::open, opening);
  if (sent) {
    net::co_spawn(
        socket_.get_executor(), [self]() -> Task<void> { return self->write(); }, net::detached);
    try {
      co_await read();
    } catch (const std::exception& failed) {
      fail(base::words_of(failed));
    }
  } else {
    writing_ = false;
  }
  broken_ = true;
  NetError ignored;
  socket_.close(ignored);
  co_await end_tasks();
  leave();
  co_await wait_for_end();
  if (!end_is_known_ || answered_) fail("its process " + process_->ending());
}

Task<void> WebRtcPeer::end_tasks() {
  deadline_.cancel();
  watch_timer_.cancel();
  work_available_.set();
  while (writing_) co_await written_.wait();
  while (watching_) co_await unwatched_.wait();
}

/// A process that hangs reads nothing, so that a message to it may wait for ever: what counts is
/// that nothing is heard.
Task<void> WebRtcPeer::watch_process() {
  NetError ignored;
  for (int silences = 0; !broken_; silences = heard_ ? 0 : silences + 1) {
    if (silences == kMostSilences) {
      fail("its process said nothing for 6 s, and was killed");
      process_->kill();
      socket_.close(ignored);
      break;
    }
    heard_ = false;
    ask_ = true;
    work_available_.set();
    watch_timer_.expires_after(kAsk);
    co_await watch_timer_.async_wait(into(ignored));
  }
  watching_ = false;
  unwatched_.set();
}

/// A process that does not end by itself is killed.
Task<void> WebRtcPeer::wait_for_end() {
  net::steady_timer timer(socket_.get_executor());
  const auto until = base::Clock::now() + kEndTime;
  NetError ignored;
  while (!process_->has_ended()) {
    if (base::Clock::now() > until) {
      if (!end_is_known_) fail("its process did not end within 2 s, and was killed");
      process_->kill();
    }
    timer.expires_after(kEndCheck);
    co_await timer.async_wait(into(ignored));
  }
}

void WebRtcPeer::leave() {
  const auto session = std::exchange(session_, nullptr);
  if (!session) return;
  if (image_ && !subscription_) session->on_replaced(*image_);
  image_ = nullptr;
  if (subscription_) {
    session->unsubscribe(*subscription_);
    if (role_ == Role::beside) session->end_video();
  } else {
    registry_.disconnect(session);
  }
  subscription_.reset();
}

// From the process.

Task<void> WebRtcPeer::read() {
  std::vector<char> bytes(std::size_t{1} << 18U);
  while (true) {
    NetError error;
    const std::size_t count = co_await socket_.async_read_some(net::buffer(bytes), into(error));
    if (error) co_return;
    reader_.add({bytes.data(), count});
    while (auto message = reader_.next()) {
      if (!take(std::move(*message))) co_return;
    }
  }
}

bool WebRtcPeer::take(Message message) {
  heard_ = true;
  const bool first = answered_ != nullptr;
  const bool last = message.kind == MessageKind::failed || message.kind == MessageKind::refused;
  const bool answer = message.kind == MessageKind::answer;
  base::require(last || first == answer, ErrorCode::internal,
                "the process of a connection sent a message out of turn");
  switch (message.kind) {
    case MessageKind::answer:
      take_answer(std::move(message));
      return true;
    case MessageKind::text:
      if (session_ && !subscription_ && !closing_) session_->on_text(message.body);
      return true;
    case MessageKind::image:
      take_image(std::move(message.body));
      return true;
    case MessageKind::next:
      ready_ = true;
      work_available_.set();
      return true;
    case MessageKind::connected:
      connected_ = true;
      return true;
    case MessageKind::pong:
      return true;
    case MessageKind::refused:
      end_is_known_ = true;
      if (first) {
        std::exchange(answered_, nullptr)(std::nullopt, HttpError(422, "bad_offer", message.body));
        return false;
      }
      [[fallthrough]];
    case MessageKind::failed:
      end_is_known_ = true;
      if (!message.body.empty()) fail(message.body);
      return false;
    default:
      base::fail(ErrorCode::internal, "the process of a connection sent a message of the server's");
  }
}

void WebRtcPeer::take_answer(Message message) {
  if (!closing_) deadline_.cancel();
  watching_ = true;
  net::co_spawn(
      socket_.get_executor(),
      [self = shared_from_this()]() -> Task<void> { return self->watch_process(); }, net::detached);
  std::exchange(answered_, nullptr)(std::move(message.body), std::nullopt);
}

void WebRtcPeer::take_image(std::string body) {
  if (!session_ || role_ == Role::receive || closing_) return;
  const auto bytes = std::make_shared<const std::string>(std::move(body));
  session_->on_video_frame(webrtc::read_image(*bytes, limits_.image_pixels), bytes);
}

/// The cause may name files, so that only the log says it.
void WebRtcPeer::fail(const std::string& reason) {
  end_is_known_ = true;
  base::warn("a WebRTC connection ended: ", reason);
  metrics_.error("webrtc_failed");
  if (answered_) {
    std::exchange(answered_, nullptr)(
        std::nullopt, HttpError(500, "internal", "the connection could not be made"));
  }
}

// To the process.

void WebRtcPeer::send(std::string text) {
  if (closing_ || broken_) return;
  if (!texts_.push(std::move(text))) {
    fail("too many messages wait for its process");
    NetError ignored;
    socket_.close(ignored);  // read() notices and run() ends
    return;
  }
  work_available_.set();
}

/// Of a session that is only watched nothing is counted.
void WebRtcPeer::drop(const EncodedImage& image) {
  if (session_ && !subscription_) session_->on_replaced(image);
}

void WebRtcPeer::send(EncodedImagePtr image) {
  if (closing_ || broken_) return drop(*image);
  if (role_ == Role::send) {  // the client does not look at it; others may
    session_->on_sent(*image);
    return;
  }
  if (image_) drop(*image_);
  image_ = std::move(image);
  work_available_.set();
}

void WebRtcPeer::close(int, const std::string&) {
  if (closing_) return;
  closing_ = true;
  work_available_.set();
}

Task<void> WebRtcPeer::write() {
  try {
    co_await write_queued();
  } catch (const std::exception& failed) {
    fail(base::words_of(failed));
    NetError ignored;
    socket_.close(ignored);
  }
  writing_ = false;
  written_.set();
}

Task<void> WebRtcPeer::write_queued() {
  while (!broken_) {
    if (std::exchange(ask_, false)) {
      const std::string nothing;
      const bool sent = co_await write_message(MessageKind::ping, nothing);
      if (!sent) break;
    } else if (!texts_.empty()) {
      const std::string text = texts_.pop();
      const bool sent = co_await write_message(MessageKind::text, text);
      if (!sent) break;
    } else if (image_ && ready_) {
      ready_ = false;
      const EncodedImagePtr image = std::move(image_);
      image_ = nullptr;
      const bool sent = co_await write_image(*image);
      if (!sent) {
        drop(*image);
        break;
      }
      if (session_) subscription_ ? session_->on_mjpeg_sent(*image) : session_->on_sent(*image);
    } else if (closing_) {
      const std::string nothing;
      co_await write_message(MessageKind::close, nothing);
      start_deadline(kEndTime);
      break;
    } else {
      co_await work_available_.wait();
    }
  }
}

void WebRtcPeer::start_deadline(Milliseconds time) {
  deadline_.expires_after(time);
  deadline_.async_wait([weak = weak_from_this()](NetError error) {
    const auto self = weak.lock();
    NetError ignored;
    if (!error && self) self->socket_.close(ignored);
  });
}

Task<bool> WebRtcPeer::write_message(MessageKind kind, const std::string& body) {
  const std::string head = webrtc::write_message_head(kind, body.size());
  const std::array<net::const_buffer, 2> message{net::buffer(head), net::buffer(body)};
  NetError error;
  co_await net::async_write(socket_, message, into(error));
  co_return !error;
}

Task<bool> WebRtcPeer::write_image(const EncodedImage& image) {
  // Of a session whose client is no WebRTC connection they are made here.
  const std::string made = image.planes.empty() ? write_planes(*image.pixels) : std::string();
  const std::string& planes = image.planes.empty() ? made : image.planes;
  const auto mark = static_cast<std::uint8_t>(image.frame);
  const std::string size = webrtc::write_image_head(image.width, image.height, mark);
  const std::string head =
      webrtc::write_message_head(MessageKind::image, size.size() + planes.size()) + size;
  const std::array<net::const_buffer, 2> message{net::buffer(head), net::buffer(planes)};
  NetError error;
  co_await net::async_write(socket_, message, into(error));
  co_return !error;
}

}  // namespace streamdiffusion::server
