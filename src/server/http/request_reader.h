// Reads one request from a buffer that a connection fills: its head first, so that it can be
// refused before its body is read. Knows no socket.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>

#include "server/protocol/http.h"

namespace streamdiffusion::server {

class RequestReader {
 public:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  RequestReader();

  /// Takes the head's bytes from `buffer`. Returns false if more are needed. Throws HttpError 400
  /// if they are no head, and 431 if it is too long.
  bool read_head(boost::beast::flat_buffer& buffer);
  /// The request without its body. Throws HttpError 400, 417 or 501.
  Request head() const;
  bool keep_alive() const { return parser_.keep_alive(); }
  bool has_body() const { return !parser_.is_done(); }
  /// Throws HttpError 413 if the body is announced as longer than `bytes`. One that turns out to be
  /// longer fails with http::error::body_limit.
  void limit_body(std::size_t bytes);
  Parser& parser() { return parser_; }

 private:
  /// Between requests. Returns false if there is nothing behind them yet.
  bool skip_empty_lines(boost::beast::flat_buffer& buffer) const;

  Parser parser_;
};

/// The answer to a body that could not be read, or nothing if the client has left.
std::optional<HttpError> body_error(boost::system::error_code error, std::size_t limit);

}  // namespace streamdiffusion::server
