#include "server/http/request_reader.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "server/protocol/request_rules.h"

namespace streamdiffusion::server {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMaxHeadBytes = 16384;

HttpError body_too_large(std::size_t limit) {
  return {413, "too_large",
          limit == 0 ? "this address takes no body"
                     : base::concat("the body is too large, at most ", limit, " bytes are read")};
}

/// The version that a request line ends in, "HTTP/2.0" or so; empty for what is no such line.
std::string_view version_of(std::string_view head) {
  constexpr std::string_view name = "HTTP/";
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string_view line = head.substr(0, head.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::string_view version = line.substr(std::min(line.rfind(' '), line.size() - 1) + 1);
  const bool is_one = version.size() == 8 && version.starts_with(name) && is_digit(version[5]) &&
                      version[6] == '.' && is_digit(version[7]);
  return is_one ? version : std::string_view();
}

/// What a request that is none is answered with. Also the first bytes of HTTP/2, which look like a
/// request of that version on purpose (RFC 9113, section 3.4).
HttpError not_understood(boost::system::error_code error, std::string_view head) {
  const std::string_view version = version_of(head);
  const bool known = version == "HTTP/1.1" || version == "HTTP/1.0";
  if (error == http::error::bad_version && known)
    return {400, "bad_request", "the request's line ends in LF alone, expected CR LF"};
  if (error == http::error::bad_version && !version.empty()) {
    return {505, "http_version",
            base::concat("the request is of ", version, ", expected HTTP/1.1 or HTTP/1.0")};
  }
  if (error == http::error::header_limit) {
    return {431, "bad_request",
            base::concat("the line and the fields of the request are longer than ", kMaxHeadBytes,
                         " bytes")};
  }
  return {400, "bad_request", "this is not an HTTP request: " + error.message()};
}

}  // namespace

RequestReader::RequestReader() {
  parser_.header_limit(kMaxHeadBytes);
  // limit_body() sets it, once the route is known.
  parser_.body_limit(std::numeric_limits<std::uint64_t>::max());
}

// Some clients send one after a body (RFC 9112, section 2.2). Time is limited, so their number need
// not be.
bool RequestReader::skip_empty_lines(boost::beast::flat_buffer& buffer) const {
  const auto text = [&buffer] {
    return std::string_view(static_cast<const char*>(buffer.cdata().data()), buffer.size());
  };
  if (parser_.got_some()) return buffer.size() > 0;
  while (text().starts_with("\r\n")) buffer.consume(2);
  return !text().empty() && text() != "\r";
}

bool RequestReader::read_head(boost::beast::flat_buffer& buffer) {
  if (!skip_empty_lines(buffer)) return false;
  const auto bytes = buffer.cdata();
  const std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
  check_lines(text);
  boost::system::error_code error;
  const std::size_t used = parser_.put(bytes, error);
  if (error && error != http::error::need_more) throw not_understood(error, text);
  buffer.consume(used);
  return parser_.is_header_done();
}

Request RequestReader::head() const {
  const auto& message = parser_.get();
  Request request;
  request.method = std::string(message.method_string());
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    });
    std::string& value = request.header[name];
    if (!value.empty()) value += name == "cookie" ? "; " : ", ";
    value += std::string_view(field.value().data(), field.value().size());
  }
  const std::size_t hosts = message.count(http::field::host);
  if (hosts > 1) throw_bad_request("the request has ", hosts, " fields Host, expected one");
  check_host(request.field("host"));
  check_framing(request, message.version() < 11);
  settle_expectation(request, message.version() < 11);
  read_target({message.target().data(), message.target().size()}, request);
  return request;
}

void RequestReader::limit_body(std::size_t bytes) {
  const auto announced = parser_.content_length();
  if (announced && *announced > bytes) throw body_too_large(bytes);
  parser_.body_limit(bytes);
}

std::optional<HttpError> body_error(boost::system::error_code error, std::size_t limit) {
  if (error == http::error::body_limit) return body_too_large(limit);
  if (error == http::error::buffer_overflow) {
    return HttpError(400, "bad_request", "a line of the chunked body, or its trailer, is too long");
  }
  const bool malformed = error.category() == make_error_code(http::error::bad_chunk).category() &&
                         error != http::error::partial_message &&
                         error != http::error::end_of_stream;
  if (!malformed) return std::nullopt;
  return HttpError(400, "bad_request", "the body is not well-formed: " + error.message());
}

}  // namespace streamdiffusion::server
