#include "server/http_connection.h"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "server/upgrade_request.h"
#include "server/web_socket.h"

namespace streamdiffusion::server {
namespace {

namespace http = beast::http;

constexpr std::uint32_t kLongestHeader = 16384;
constexpr std::size_t kMostWatchers = 8;
constexpr std::string_view kSockets = "/api/ws/", kStreams = "/api/stream/";

using Parser = http::request_parser<http::string_body>;

// In coroutines nothing with a destructor is made within an expression that waits: g++ 12 destroys
// some of it twice.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Transport> transport, Front front)
      : transport_(std::move(transport)), front_(front), answered_(transport_->get_executor()) {}

  Task<void> run();

 private:
  enum class Next { request, close, taken };

  Task<Next> serve();
  Task<bool> read_header(Parser& parser);
  Task<bool> read_body(Parser& parser);
  Task<void> refuse_body();
  Request convert(const Parser& parser) const;
  void check(const Request& request);
  Task<Next> take_over(Parser& parser, const Request& request);
  Task<Next> respond(const Request& request, Response& response, bool keep);
  Task<Next> refuse(const Request& request, const Refusal& refusal, bool keep);
  Task<void> upgrade(Parser& parser, const std::string& id, Dialect dialect);

  std::shared_ptr<Transport> transport_;
  Front front_;
  beast::flat_buffer buffer_;
  Signal answered_;
  std::optional<Response> response_;
};

Task<void> Connection::run() {
  const auto self = shared_from_this();
  if (!co_await transport_->handshake(front_.limits.header)) co_return transport_->close();
  Next next = Next::request;
  while (next == Next::request) next = co_await serve();
  if (next == Next::close) co_await transport_->shutdown(front_.limits.header);
}

Task<bool> Connection::read_header(Parser& parser) {
  NetError error;
  if (buffer_.size() == 0) {  // between two requests there is more time than within one
    transport_->expires_after(front_.limits.keep_alive);
    const auto count = co_await transport_->async_read_some(buffer_.prepare(4096), into(error));
    if (error) co_return false;
    buffer_.commit(count);
  }
  transport_->expires_after(front_.limits.header);
  co_await http::async_read_header(*transport_, buffer_, parser, into(error));
  if (!error) co_return true;
  if (error == http::error::body_limit) {
    co_await refuse_body();
    co_return false;
  }
  const bool too_long = error == http::error::header_limit;
  const bool malformed = error.category() == make_error_code(http::error::bad_method).category();
  if (error != http::error::end_of_stream && (too_long || malformed)) {
    const Request none;
    const int status = too_long ? 431 : 400;
    const Refusal refusal(status, "bad_request", "this is no HTTP request: " + error.message());
    co_await refuse(none, refusal, false);
  }
  co_return false;
}

Task<void> Connection::refuse_body() {
  const Request none;
  const Refusal refusal(413, "too_large",
                        base::concat("the body is too large, at most ", front_.limits.message_bytes,
                                     " bytes are read"));
  co_await refuse(none, refusal, false);
}

Task<bool> Connection::read_body(Parser& parser) {
  NetError error;
  if (parser.is_done()) co_return true;
  transport_->expires_after(front_.limits.body);
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await net::async_write(*transport_, net::buffer(go_on), into(error));
  }
  if (!error) co_await http::async_read(*transport_, buffer_, parser, into(error));
  if (error == http::error::body_limit) co_await refuse_body();
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
  if (!front_.rate.take(request.address)) {
    throw Refusal(429, "too_many_requests",
                  base::concat("more than ", front_.limits.requests_per_second,
                               " requests a second from one address"));
  }
  front_.gate.check(request);
}

Task<Connection::Next> Connection::serve() {
  Parser parser;
  parser.header_limit(kLongestHeader);
  parser.body_limit(front_.limits.message_bytes);
  if (!co_await read_header(parser)) co_return Next::close;
  Request request;
  std::optional<Refusal> refusal;
  const bool keep = parser.keep_alive();
  try {
    request = convert(parser);
    check(request);
  } catch (const Refusal& refused) {
    refusal = refused;
  }
  if (refusal) co_return co_await refuse(request, *refusal, keep && parser.is_done());
  if (request.path.starts_with(kSockets) || request.path.starts_with(kStreams)) {
    co_return co_await take_over(parser, request);
  }
  if (!co_await read_body(parser)) co_return Next::close;
  request.body = std::move(parser.get().body());
  response_.reset();
  front_.api.handle(request, [self = shared_from_this()](Response response) {
    self->response_ = std::move(response);
    self->answered_.wake();
  });
  while (!response_) co_await answered_.wait();
  co_return co_await respond(request, *response_, keep);
}

Task<Connection::Next> Connection::take_over(Parser& parser, const Request& request) {
  std::optional<Refusal> refusal;
  std::shared_ptr<Client> client;
  const bool socket = request.path.starts_with(kSockets);
  const std::string id = request.path.substr((socket ? kSockets : kStreams).size());
  try {
    if (!is_session_id(id)) {
      throw Refusal(400, "bad_request", "a session's id is 1 to 64 of A-Z a-z 0-9 _ -");
    }
    if (socket && !beast::websocket::is_upgrade(parser.get())) {
      throw Refusal(426, "upgrade_required", "this address is a WebSocket's");
    }
    if (!socket) {
      if (request.method != "GET") {
        throw Refusal(405, "method_not_allowed", "this address takes GET");
      }
      client = front_.room.find(id);
      if (client->watchers() >= kMostWatchers) {
        throw Refusal(503, "full", base::concat(kMostWatchers, " watch this session already"));
      }
    }
  } catch (const Refusal& refused) {
    refusal = refused;
  }
  if (refusal) co_return co_await refuse(request, *refusal, false);
  if (socket) {
    const auto frames = request.query.find("frames");
    const bool binary = frames != request.query.end() && frames->second == "binary";
    co_await upgrade(parser, id, binary ? Dialect::binary : Dialect::established);
  } else {
    co_await run_mjpeg(transport_, client, front_.limits);
  }
  co_return Next::taken;
}

Task<void> Connection::upgrade(Parser& parser, const std::string& id, Dialect dialect) {
  const auto message = std::make_shared<UpgradeRequest>();
  message->message = parser.release();
  co_await run_web_socket(transport_, message, front_.room, front_.limits, id, dialect);
}

Task<Connection::Next> Connection::refuse(const Request& request, const Refusal& refusal,
                                          bool keep) {
  Response response;
  front_.api.refuse(request, refusal, [&response](Response made) { response = std::move(made); });
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
  transport_->expires_after(front_.limits.write);
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

Task<void> run_connection(std::shared_ptr<Transport> transport, Front front) {
  const auto connection = std::make_shared<Connection>(std::move(transport), front);
  co_await connection->run();
}

}  // namespace streamdiffusion::server
