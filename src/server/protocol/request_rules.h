// Rules for requests that the parser is too lenient for. What a proxy in front reads differently
// could smuggle a second request in the body of a first.
#pragma once

#include <string_view>

#include "server/protocol/http.h"

namespace streamdiffusion::server {

/// Throws HttpError 400 if a header line continues the one before it (RFC 9112, section 5.2).
/// `bytes` are a head or its begin, and may go on with a body.
void check_lines(std::string_view bytes);

/// Throws HttpError 501 for a Transfer-Encoding that is not exactly `chunked`, and 400 for one
/// beside a Content-Length or in HTTP/1.0 (RFC 9112, section 6).
void check_framing(const Request& request, bool http_1_0);

/// Settles what the client expects before it sends the body: 100-continue or nothing. That is not
/// there for HTTP/1.0. Throws HttpError 417 for anything else (RFC 9110, section 10.1.1).
void settle_expectation(Request& request, bool http_1_0);

/// Throws HttpError 400 for a Host or an authority of an address that is no name with an optional
/// port (RFC 9112, section 3.2).
void check_host(std::string_view host);

/// Throws HttpError 415 for a Content-Encoding, for a Content-Type that is neither missing nor
/// application/json nor, if `images`, image/*, and for JSON in another charset than UTF-8 (RFC
/// 8259, section 8.1).
void check_media_type(const Request& request, bool images);

/// Throws HttpError 426 if the request asks for no WebSocket or another version than 13, and 400
/// for a Sec-WebSocket-Key that is not 16 bytes in base64 (RFC 6455, section 4.2.1).
/// `is_upgrade`: it asks for a WebSocket.
void check_web_socket(const Request& request, bool is_upgrade);

}  // namespace streamdiffusion::server
