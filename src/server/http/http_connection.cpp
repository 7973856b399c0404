#include "server/http/http_connection.h"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "server/http/request_reader.h"
#include "server/net/upgrade_request.h"
#include "server/net/web_socket.h"
#include "server/protocol/request_rules.h"

namespace streamdiffusion::server {
namespace {

namespace http = beast::http;

/// How often a client that waits for a response is looked at.
constexpr auto kClientCheck = 250ms;

/// Of bytes that are received and not yet read. The longest line of a chunked body, and all trailer
/// fields together, have to fit; the body itself does not stay there.
constexpr std::size_t kMaxUnreadBytes = std::size_t{1} << 17U;

/// Time for all of a connection that serves health checks only.
constexpr Milliseconds kHealthTime = 2s;

// No temporary with a destructor may be created within a co_await expression: g++ 12 destroys some
// of them twice.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Transport> transport, std::string client, bool health_only,
             ConnectionContext context)
      : transport_(std::move(transport)),
        client_(std::move(client)),
        health_only_(health_only),
        context_(context),
        answered_(transport_->get_executor()) {}

  Task<void> run();

 private:
  /// What follows a request. `taken_over` means that the connection became a WebSocket or an MJPEG
  /// stream, which has closed it.
  enum class Next { request, close, taken_over };

  Task<Next> serve();
  /// Returns false if the client has left, or was answered that this is no request.
  Task<bool> read_head(RequestReader& reader);
  Task<bool> receive_head(RequestReader& reader, std::optional<HttpError>& http_error);
  /// Returns false if the client has left, or was answered that the body is too large.
  Task<bool> read_body(RequestReader& reader, Request& request, std::size_t limit);
  void check(Request& request);
  Milliseconds time_until_request() const;
  Task<void> handle(Request& request);
  Task<Next> take_over(RequestReader& reader, const Request& request, Responder responder);
  Task<Next> respond(const Request& request, Response& response, bool keep);
  Task<Next> respond_error(const Request& request, const HttpError& http_error, bool keep);
  Task<void> upgrade(RequestReader& reader, const Request& request, const std::string& id,
                     Protocol protocol);

  std::shared_ptr<Transport> transport_;
  const std::string client_;
  const bool health_only_;
  ConnectionContext context_;
  bool first_request_ = true;
  beast::flat_buffer buffer_{kMaxUnreadBytes};
  Event answered_;
  std::optional<Response> response_;
};

Task<void> Connection::run() {
  const auto self = shared_from_this();
  if (!co_await transport_->handshake(time_until_request())) co_return transport_->close();
  Next next = Next::request;
  while (next == Next::request) {
    next = co_await serve();
    first_request_ = false;
  }
  if (next == Next::close) co_await transport_->shutdown(context_.limits.header);
}

Milliseconds Connection::time_until_request() const {
  const Limits& limits = context_.limits;
  if (health_only_) return std::min(limits.header, kHealthTime);
  return first_request_ ? limits.header : limits.keep_alive;
}

Task<bool> Connection::read_head(RequestReader& reader) {
  std::optional<HttpError> http_error;
  transport_->set_idle(true);
  const bool received = co_await receive_head(reader, http_error);
  transport_->set_idle(false);
  if (!http_error) co_return received;
  const Request none;
  co_await respond_error(none, *http_error, false);
  co_return false;
}

Task<bool> Connection::receive_head(RequestReader& reader, std::optional<HttpError>& http_error) {
  transport_->expires_after(time_until_request());
  bool started = false;
  while (true) {
    try {
      if (reader.read_head(buffer_)) co_return true;
    } catch (const HttpError& refused) {
      http_error = refused;
      co_return false;
    }
    if (!started && buffer_.size() > 0) {  // the next request may come later than the rest of one
      started = true;
      transport_->expires_after(context_.limits.header);
    }
    NetError error;
    const auto count = co_await transport_->async_read_some(buffer_.prepare(4096), into(error));
    if (error) co_return false;
    buffer_.commit(count);
  }
}

Task<bool> Connection::read_body(RequestReader& reader, Request& request, std::size_t limit) {
  std::optional<HttpError> http_error;
  try {
    reader.limit_body(limit);
  } catch (const HttpError& refused) {
    http_error = refused;
  }
  NetError error;
  if (!http_error && reader.has_body()) {
    transport_->expires_after(context_.limits.body);
    if (request.header.contains("expect")) {
      constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await net::async_write(*transport_, net::buffer(continue_response), into(error));
    }
    if (!error) co_await http::async_read(*transport_, buffer_, reader.parser(), into(error));
    if (error) http_error = body_error(error, limit);
  }
  if (http_error) co_await respond_error(request, *http_error, false);
  if (http_error || error) co_return false;
  request.body = std::move(reader.parser().get().body());
  co_return true;
}

void Connection::check(Request& request) {
  std::optional<HttpError> refused;
  try {
    request.owner = context_.access.check(request);
  } catch (const HttpError& error) {
    refused = error;
  }
  // What is refused counts in full, whatever it asks for: it may be a guess of a token.
  if (!context_.rate_limiter.take(client_, refused ? 1 : Api::cost_of(request))) {
    throw HttpError(429, "too_many_requests",
                    base::concat("more than ", context_.limits.requests_per_second,
                                 " requests a second from one address"));
  }
  if (health_only_ && !AccessControl::is_open(request)) {
    throw HttpError(503, "too_many_connections", "too many connections are open; try again later");
  }
  if (refused) throw HttpError(*refused);
}

Task<Connection::Next> Connection::serve() {
  RequestReader reader;
  const bool received = co_await read_head(reader);
  if (!received) co_return Next::close;
  Request request;
  std::optional<HttpError> http_error;
  bool keep = false;  // after a head that is not understood, what follows is not either
  try {
    request = reader.head();
    request.secure = transport_->secure();
    keep = reader.keep_alive() && !health_only_;
    check(request);
  } catch (const HttpError& refused) {
    http_error = refused;
  }
  // After a body that was not read the connection is closed.
  const std::optional<std::size_t> limit = context_.api.body_limit(request);
  const bool body = reader.has_body() && limit;
  if (reader.has_body() && (http_error || !limit)) keep = false;
  if (http_error) co_return co_await respond_error(request, *http_error, keep);
  if (body) {
    const bool read = co_await read_body(reader, request, *limit);
    if (!read) co_return Next::close;
  }
  const Responder responder = Api::responder_of(request);
  if (responder != Responder::api) co_return co_await take_over(reader, request, responder);
  co_await handle(request);
  co_return co_await respond(request, *response_, keep);
}

/// Waits for the response of the routes. A client that leaves meanwhile cancels its request.
Task<void> Connection::handle(Request& request) {
  const auto cancellation = std::make_shared<Cancellation>();
  request.cancellation = cancellation;
  response_.reset();
  context_.api.handle(request, [self = shared_from_this()](Response response) {
    self->response_ = std::move(response);
    self->answered_.set();
  });
  while (!response_) {
    const bool answered = co_await answered_.wait_for(kClientCheck);
    if (!answered && transport_->is_closed_by_client()) cancellation->cancel();
  }
}

Task<Connection::Next> Connection::take_over(RequestReader& reader, const Request& request,
                                             Responder responder) {
  std::optional<HttpError> http_error;
  std::shared_ptr<ClientSession> session;
  const bool socket = responder == Responder::web_socket;
  const std::string id = Api::session_id_of(request);
  try {
    if (!is_session_id(id)) {
      throw HttpError(400, "bad_request",
                      "a session's id has 1 to 64 characters of A-Z a-z 0-9 _ -");
    }
    check_query(request);
    const auto frames = request.query.find("frames");
    if (socket && frames != request.query.end() && frames->second != "binary") {
      throw HttpError(400, "bad_request", "frames is " + dump(frames->second) + ", expected binary",
                      "frames");
    }
    if (socket) check_web_socket(request, beast::websocket::is_upgrade(reader.parser().get()));
    if (!socket) {
      session = context_.registry.find(id, request.owner);
      if (session->subscriber_count() >= ClientSession::kMaxSubscribers) {
        throw HttpError(
            503, "full",
            base::concat(ClientSession::kMaxSubscribers, " clients already watch this session"));
      }
    }
  } catch (const HttpError& refused) {
    http_error = refused;
  }
  if (http_error) co_return co_await respond_error(request, *http_error, false);
  if (socket) {
    const bool binary = request.query.contains("frames");
    co_await upgrade(reader, request, id, binary ? Protocol::binary : Protocol::legacy);
  } else {
    co_await run_mjpeg(transport_, session, context_.limits);
  }
  co_return Next::taken_over;
}

Task<void> Connection::upgrade(RequestReader& reader, const Request& request, const std::string& id,
                               Protocol protocol) {
  const auto message = std::make_shared<UpgradeRequest>();
  message->message = reader.parser().release();
  co_await run_web_socket(transport_, message, context_.registry, context_.limits, id, protocol,
                          request.owner);
}

Task<Connection::Next> Connection::respond_error(const Request& request,
                                                 const HttpError& http_error, bool keep) {
  Response response;
  context_.api.respond_error(request, http_error,
                             [&response](Response made) { response = std::move(made); });
  co_return co_await respond(request, response, keep);
}

Task<Connection::Next> Connection::respond(const Request& request, Response& response, bool keep) {
  http::response<http::string_body> message{static_cast<http::status>(response.status), 11};
  const bool may_have_body = response.status != 204 && response.status != 304;
  if (may_have_body) {
    message.set(http::field::content_type, response.type);
  }
  for (const auto& [name, value] : response.header) message.insert(name, value);
  message.keep_alive(keep);
  const std::size_t size = response.body.size();
  if (request.method != "HEAD") message.body() = std::move(response.body);
  message.prepare_payload();
  if (request.method == "HEAD") message.content_length(size);
  if (!may_have_body) message.content_length(boost::none);
  transport_->expires_after(context_.limits.write);
  NetError error;
  http::response_serializer<http::string_body> serializer(message);
  if (request.method == "HEAD") {
    co_await http::async_write_header(*transport_, serializer, into(error));
  } else {
    co_await http::async_write(*transport_, serializer, into(error));
  }
  co_return error || !keep ? Next::close : Next::request;
}

}  // namespace

Task<void> run_connection(std::shared_ptr<Transport> transport, std::string client,
                          bool health_only, ConnectionContext context) {
  const auto connection =
      std::make_shared<Connection>(std::move(transport), std::move(client), health_only, context);
  co_await connection->run();
}

}  // namespace streamdiffusion::server
