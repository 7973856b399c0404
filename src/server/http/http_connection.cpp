#include "server/http/http_connection.h"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "server/net/upgrade_request.h"
#include "server/net/web_socket.h"

namespace streamdiffusion::server {
namespace {

namespace http = beast::http;

constexpr std::uint32_t kMaxHeaderBytes = 16384;
constexpr std::size_t kMaxSubscribers = 8;
/// How often a client that waits for a response is looked at.
constexpr auto kClientCheck = 250ms;

using Parser = http::request_parser<http::string_body>;

// No temporary with a destructor may be created within a co_await expression: g++ 12 destroys some
// of them twice.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Transport> transport, ConnectionContext context)
      : transport_(std::move(transport)),
        context_(context),
        answered_(transport_->get_executor()) {}

  Task<void> run();

 private:
  /// What follows a request. `taken_over` means that the connection became a WebSocket or an MJPEG
  /// stream, which has closed it.
  enum class Next { request, close, taken_over };

  Task<Next> serve();
  Task<bool> read_header(Parser& parser);
  Task<bool> read_body(Parser& parser);
  Task<void> respond_body_too_large();
  Request convert(const Parser& parser) const;
  void check(const Request& request);
  Task<void> handle(Request& request);
  Task<Next> take_over(Parser& parser, const Request& request, Responder responder);
  Task<Next> respond(const Request& request, Response& response, bool keep);
  Task<Next> respond_error(const Request& request, const HttpError& http_error, bool keep);
  Task<void> upgrade(Parser& parser, const std::string& id, Protocol protocol);

  std::shared_ptr<Transport> transport_;
  ConnectionContext context_;
  beast::flat_buffer buffer_;
  Event answered_;
  std::optional<Response> response_;
};

Task<void> Connection::run() {
  const auto self = shared_from_this();
  if (!co_await transport_->handshake(context_.limits.header)) co_return transport_->close();
  Next next = Next::request;
  while (next == Next::request) next = co_await serve();
  if (next == Next::close) co_await transport_->shutdown(context_.limits.header);
}

Task<bool> Connection::read_header(Parser& parser) {
  NetError error;
  if (buffer_.size() == 0) {  // the next request may come later than the rest of one
    transport_->expires_after(context_.limits.keep_alive);
    const auto count = co_await transport_->async_read_some(buffer_.prepare(4096), into(error));
    if (error) co_return false;
    buffer_.commit(count);
  }
  transport_->expires_after(context_.limits.header);
  co_await http::async_read_header(*transport_, buffer_, parser, into(error));
  if (!error) co_return true;
  if (error == http::error::body_limit) {
    co_await respond_body_too_large();
    co_return false;
  }
  const bool too_long = error == http::error::header_limit;
  const bool malformed = error.category() == make_error_code(http::error::bad_method).category();
  if (error != http::error::end_of_stream && (too_long || malformed)) {
    const Request none;
    const int status = too_long ? 431 : 400;
    const HttpError http_error(status, "bad_request",
                               "this is not an HTTP request: " + error.message());
    co_await respond_error(none, http_error, false);
  }
  co_return false;
}

Task<void> Connection::respond_body_too_large() {
  const Request none;
  const HttpError http_error(413, "too_large",
                             base::concat("the body is too large, at most ",
                                          context_.limits.message_bytes, " bytes are read"));
  co_await respond_error(none, http_error, false);
}

Task<bool> Connection::read_body(Parser& parser) {
  NetError error;
  if (parser.is_done()) co_return true;
  transport_->expires_after(context_.limits.body);
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await net::async_write(*transport_, net::buffer(continue_response), into(error));
  }
  if (!error) co_await http::async_read(*transport_, buffer_, parser, into(error));
  if (error == http::error::body_limit) co_await respond_body_too_large();
  co_return !error;
}

Request Connection::convert(const Parser& parser) const {
  const auto& message = parser.get();
  Request request;
  request.method = std::string(message.method_string());
  request.secure = transport_->secure();
  request.address = transport_->address();
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    });
    std::string& value = request.header[name];
    if (!value.empty()) value += name == "cookie" ? "; " : ", ";
    value += std::string_view(field.value().data(), field.value().size());
  }
  read_target({message.target().data(), message.target().size()}, request);
  return request;
}

void Connection::check(const Request& request) {
  if (!context_.rate_limiter.take(request.address)) {
    throw HttpError(429, "too_many_requests",
                    base::concat("more than ", context_.limits.requests_per_second,
                                 " requests a second from one address"));
  }
  context_.access.check(request);
}

Task<Connection::Next> Connection::serve() {
  Parser parser;
  parser.header_limit(kMaxHeaderBytes);
  parser.body_limit(context_.limits.message_bytes);
  if (!co_await read_header(parser)) co_return Next::close;
  Request request;
  std::optional<HttpError> http_error;
  const bool keep = parser.keep_alive();
  try {
    request = convert(parser);
    check(request);
  } catch (const HttpError& refused) {
    http_error = refused;
  }
  if (http_error) co_return co_await respond_error(request, *http_error, keep && parser.is_done());
  const Responder responder = Api::responder_of(request);
  if (responder != Responder::api) co_return co_await take_over(parser, request, responder);
  if (!co_await read_body(parser)) co_return Next::close;
  request.body = std::move(parser.get().body());
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

Task<Connection::Next> Connection::take_over(Parser& parser, const Request& request,
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
    if (socket && !beast::websocket::is_upgrade(parser.get())) {
      throw HttpError(426, "upgrade_required",
                      "this address is a WebSocket, expected an Upgrade request");
    }
    if (!socket) {
      if (request.method != "GET") {
        throw HttpError(405, "method_not_allowed", "this address accepts only GET");
      }
      session = context_.registry.find(id);
      if (session->subscriber_count() >= kMaxSubscribers) {
        throw HttpError(503, "full",
                        base::concat(kMaxSubscribers, " clients already watch this session"));
      }
    }
  } catch (const HttpError& refused) {
    http_error = refused;
  }
  if (http_error) co_return co_await respond_error(request, *http_error, false);
  if (socket) {
    const auto frames = request.query.find("frames");
    const bool binary = frames != request.query.end() && frames->second == "binary";
    co_await upgrade(parser, id, binary ? Protocol::binary : Protocol::legacy);
  } else {
    co_await run_mjpeg(transport_, session, context_.limits);
  }
  co_return Next::taken_over;
}

Task<void> Connection::upgrade(Parser& parser, const std::string& id, Protocol protocol) {
  const auto message = std::make_shared<UpgradeRequest>();
  message->message = parser.release();
  co_await run_web_socket(transport_, message, context_.registry, context_.limits, id, protocol);
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
  if (response.status != 204 && response.status != 304) {
    message.set(http::field::content_type, response.type);
  }
  for (const auto& [name, value] : response.header) message.insert(name, value);
  message.keep_alive(keep);
  const std::size_t size = response.body.size();
  if (request.method != "HEAD") message.body() = std::move(response.body);
  message.prepare_payload();
  if (request.method == "HEAD") message.content_length(size);
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

Task<void> run_connection(std::shared_ptr<Transport> transport, ConnectionContext context) {
  const auto connection = std::make_shared<Connection>(std::move(transport), context);
  co_await connection->run();
}

}  // namespace streamdiffusion::server
