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

/// Throws HttpError 415 for a Content-Encoding, and for a Content-Type that is neither missing nor
/// application/json nor, if `images`, image/*.
void check_media_type(const Request& request, bool images);

}  // namespace streamdiffusion::server
